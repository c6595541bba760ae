import { Icon } from '../../components/icon.tsx';
import { useNow } from '../../components/use-now.ts';
import { formatSpan } from '../../format/time.ts';
import { contributeSteps } from '../../state/contribute-steps.ts';
import { useSite } from '../../site.ts';
import type { Step } from '../../state/contribute-steps.ts';

const STATUS_WORDS: Readonly<Record<Step['status'], string>> = {
  waiting: 'not begun',
  active: 'running',
  done: 'done',
  failed: 'failed',
};

/** The way from the button to serving, each step with its own progress and time. */
export function Steps() {
  const { contribute } = useSite();
  const now = useNow(250);
  const steps = contributeSteps(
    contribute.snapshot.value,
    contribute.times.value,
    now,
    contribute.plan.value?.layersBy,
  );
  const active = steps.find(({ status }) => status === 'active');
  return (
    <>
      <ol class="steps" role="list">
        {steps.map((step) => (
          <StepLine key={step.name} step={step} />
        ))}
      </ol>
      <p class="visually-hidden" role="status">
        {active ? active.title : ''}
      </p>
    </>
  );
}

function StepLine({ step }: { step: Step }) {
  const { status, title, detail, sources = '', progress, elapsedMs } = step;
  return (
    <li class="step" data-status={status}>
      <span class="step-mark" aria-hidden="true">
        {status === 'done' && <Icon name="check" size={14} />}
        {status === 'failed' && <Icon name="close" size={14} />}
      </span>
      <div class="step-body">
        <div class="step-line">
          <span class="step-title">
            {title}
            <span class="visually-hidden">, {STATUS_WORDS[status]}</span>
          </span>
          {elapsedMs !== null && status !== 'waiting' && (
            <span class="soft small">{formatSpan(Math.max(0, elapsedMs))}</span>
          )}
        </div>
        {detail !== '' && <p class="soft small">{detail}</p>}
        {sources !== '' && (
          <p class="soft small" data-testid="weights-sources">
            {sources}
          </p>
        )}
        {progress !== null && (
          <div
            class="progress"
            role="progressbar"
            aria-label={title}
            aria-valuenow={Math.round(progress * 100)}
            aria-valuemin={0}
            aria-valuemax={100}
          >
            <div style={{ width: `${progress * 100}%` }} />
          </div>
        )}
      </div>
    </li>
  );
}
