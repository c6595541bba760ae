import { Figure, Figures } from '../../components/figures.tsx';
import { useNow } from '../../components/use-now.ts';
import { formatBytes, formatCount, formatPlural, formatRate } from '../../format/numbers.ts';
import { useSite } from '../../site.ts';
import { RateChart } from './rate-chart.tsx';
import { WeightsLines } from './weights-lines.tsx';
import { givenWords } from './weights-words.ts';
import { activityWords } from './words.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What the tab is doing and has given. */
export function Live({ probe }: { probe: DeviceProbe | null }) {
  const { contribute, holds, upload } = useSite();
  const now = useNow(1_000);
  const snapshot = contribute.snapshot.value;
  const given = contribute.given.value;
  return (
    <div class="live">
      <p class="live-activity">
        <span class="dot" data-tone={snapshot.state === 'serving' ? 'good' : 'plain'} aria-hidden="true" />
        {activityWords(snapshot, now, holds.value)}
      </p>
      <Figures label="This device now">
        <Figure
          name="Requests now"
          value={formatCount(snapshot.requestsNow)}
          note={snapshot.requestsQueued > 0 ? `${snapshot.requestsQueued} waiting` : 'none waiting'}
        />
        <Figure name="Tokens today" value={formatCount(given.tokens)} note={formatPlural(given.requests, 'request')} />
        <Figure
          name="Weights given"
          value={formatBytes(upload.given.value.bytes)}
          note={givenWords(upload.given.value)}
        />
      </Figures>
      <RateChart samples={contribute.rates.value} current={formatRate(snapshot.tokensPerSecond)} />
      <WeightsLines probe={probe} />
      <p class="soft small">
        You may look at other tabs: this one goes on, though some browsers slow it down. Closing it hands running
        answers over.
      </p>
    </div>
  );
}
