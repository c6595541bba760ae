import { engineWords, shortPeer } from '../../format/names.ts';
import { formatCount, formatPlural } from '../../format/numbers.ts';
import { formatSpan } from '../../format/time.ts';
import { reportWords } from './words.ts';
import type { AnswerReport } from '../../storage/schema.ts';

/** Tokens, times and by whom; opens to every stage. */
export function RouteLine({ report }: { report: AnswerReport }) {
  const { stages, failovers, promptTokens, firstTextMs, totalMs } = report;
  return (
    <details class="route" data-testid="chat-route">
      <summary>
        <span class="route-words">
          {reportWords(report).map((part, index) => (
            <>
              {index > 0 && ' · '}
              <span key={part}>{part}</span>
            </>
          ))}
        </span>
        {failovers > 0 && (
          <span class="tag" data-tone="warning" title="A peer was lost in mid-answer and another went on">
            {formatPlural(failovers, 'failover')}
          </span>
        )}
      </summary>
      <dl class="pairs">
        {stages.map((stage, index) => (
          <div class="route-stage" key={stage.peer + String(index)}>
            <dt>{stages.length > 1 ? `Stage ${index + 1}` : 'Computed by'}</dt>
            <dd>
              <span class="mono" title={stage.peer}>
                {report.by === 'device' ? 'this tab' : shortPeer(stage.peer)}
              </span>
              , {engineWords(stage.engine)}, layers {stage.layers.start + 1} to {stage.layers.end}
            </dd>
          </div>
        ))}
        {promptTokens !== null && (
          <>
            <dt>Read</dt>
            <dd>{formatCount(promptTokens)} tokens of the conversation</dd>
          </>
        )}
        {firstTextMs !== null && (
          <>
            <dt>First word</dt>
            <dd>after {formatSpan(firstTextMs)} (measured here)</dd>
          </>
        )}
        {totalMs !== null && (
          <>
            <dt>Whole answer</dt>
            <dd>{formatSpan(totalMs)} (measured here)</dd>
          </>
        )}
        <dt>Way</dt>
        <dd>
          {report.by === 'device'
            ? 'not over the network: nobody else saw it'
            : 'through the relay; the peer could read it'}
        </dd>
      </dl>
    </details>
  );
}
