import { engineWords, shortPeer } from '../../format/names.ts';
import { layerWords } from '../../format/layers.ts';
import { formatMilliseconds } from '../../format/time.ts';
import { chainTimes } from './chain-times.ts';
import { wayWords } from './words.ts';
import type { AnswerReport } from '../../storage/schema.ts';

/** Every stage of a chain in its order, and how each reaches the next. */
export function RouteStages({ report }: { report: AnswerReport }) {
  const { stages, here } = report;
  const { computeMs } = chainTimes(report);
  return (
    <ol class="hops" role="list" aria-label="Stages of the chain">
      {stages.map(({ peer, engine, layers, hop }, index) => {
        const ms = computeMs[index] ?? null;
        return (
          <li class="hop" key={peer} data-testid="chat-hop">
            <span class="hop-number" aria-hidden="true">
              {index + 1}
            </span>
            <div>
              <p class="hop-stage">
                <span class="visually-hidden">Stage {index + 1}: </span>
                <span class="mono" title={peer}>
                  {shortPeer(peer)}
                </span>
                {peer === here && <span class="tag">this tab</span>}
                <span>{engineWords(engine)}</span>
                <span>{layerWords(layers)}</span>
                {ms !== null && <span>{formatMilliseconds(ms)} of computing per token</span>}
              </p>
              {hop !== undefined && <p class="hop-way">{wayWords(hop, index, stages.length)}</p>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
