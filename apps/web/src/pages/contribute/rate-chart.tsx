import { RATE_SAMPLES, RATE_SAMPLE_INTERVAL_MS } from '../../constants.ts';
import { formatRate } from '../../format/numbers.ts';
import { chartPath, niceCeiling } from './chart-path.ts';

const WIDTH = 600;
const HEIGHT = 96;
const MINUTES = (RATE_SAMPLES * RATE_SAMPLE_INTERVAL_MS) / 60_000;

/** Tokens per second over the last minutes, newest at the right. */
export function RateChart({ samples, current }: { samples: readonly number[]; current: string }) {
  const peak = samples.reduce((best, sample) => Math.max(best, sample), 0);
  const ceiling = niceCeiling(peak);
  const path = chartPath(samples, { capacity: RATE_SAMPLES, ceiling, width: WIDTH, height: HEIGHT });
  return (
    <figure class="chart">
      <figcaption class="small">
        <span class="soft">Tokens/s, last {MINUTES} minutes</span>
        <span>
          now {current}, most {formatRate(peak)}
        </span>
      </figcaption>
      <div class="chart-area">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Tokens per second over the last ${MINUTES} minutes: now ${current}, at most ${formatRate(peak)}.`}
        >
          <path class="chart-grid" d={`M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
          {path !== null && (
            <>
              <path class="chart-fill" d={path.area} />
              <path class="chart-line" d={path.line} />
            </>
          )}
        </svg>
        <span class="chart-scale soft small" aria-hidden="true">
          {ceiling}
        </span>
      </div>
    </figure>
  );
}
