import { engineWords, shortPeer } from '../../format/names.ts';
import { layerWords } from '../../format/layers.ts';
import { formatCount, formatPlural } from '../../format/numbers.ts';
import { formatSpan } from '../../format/time.ts';
import { chainTimes } from './chain-times.ts';
import { RouteStages } from './route-stages.tsx';
import { perTokenWords, readerWords, reportWords } from './words.ts';
import type { AnswerReport } from '../../storage/schema.ts';

/** Tokens, times and by whom; opens to every stage. */
export function RouteLine({ report }: { report: AnswerReport }) {
  const { stages, failovers, promptTokens, firstTextMs, totalMs } = report;
  const [only] = stages.length === 1 ? stages : [];
  const perToken = stages.length > 1 ? perTokenWords(chainTimes(report), failovers > 0) : null;
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
      <div class="route-details">
        {stages.length > 1 && <RouteStages report={report} />}
        <dl class="pairs">
          {only !== undefined && (
            <>
              <dt>Computed by</dt>
              <dd>
                <span class="mono" title={only.peer}>
                  {report.by === 'device' ? 'this tab' : shortPeer(only.peer)}
                </span>
                , {engineWords(only.engine)}, {layerWords(only.layers)}
              </dd>
            </>
          )}
          {perToken !== null && (
            <>
              <dt>Per token</dt>
              <dd data-testid="chat-per-token">{perToken}</dd>
            </>
          )}
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
          <dd>{readerWords(report)}</dd>
        </dl>
      </div>
    </details>
  );
}
