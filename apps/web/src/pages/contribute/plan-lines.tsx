import { formatBytes, formatPlural } from '../../format/numbers.ts';
import { useSite } from '../../site.ts';

/** Why this engine, and what is smaller than it could be. */
export function PlanLines() {
  const { contribute, mark } = useSite();
  const plan = contribute.plan.value;
  if (plan === null) return null;
  return (
    <div class="soft small" data-testid="lending-plan">
      <p>
        {plan.reason}
        {plan.engine === 'wasm' && ` ${formatPlural(plan.threads, 'thread')} (pledged).`}{' '}
        {formatBytes(plan.kvBudgetBytes)} for running answers.
        {(plan.share ?? 1) < 1 && ` ${Math.round((plan.share ?? 1) * 100)} % of the time.`}
      </p>
      {plan.reductions.length > 0 && (
        <p>
          A tab ended while it loaded a model, so this one started smaller: {plan.reductions.join(', ')}.{' '}
          <button class="link" onClick={() => mark.forgive()}>
            Full size at the next start
          </button>
        </p>
      )}
    </div>
  );
}
