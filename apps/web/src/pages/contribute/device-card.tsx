import { deviceRows } from '../../state/device-rows.ts';
import { useSite } from '../../site.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What this device is: every figure with where it comes from and what it allows. */
export function DeviceCard({ probe }: { probe: DeviceProbe | null }) {
  const { relay, contribute } = useSite();
  const { decodeTokensPerSecond, variant } = contribute.snapshot.value;
  return (
    <section class="card" aria-labelledby="device">
      <h2 id="device">This device</h2>
      {probe === null ? (
        <p class="soft">Asking the browser</p>
      ) : (
        <dl class="device">
          {deviceRows(probe, { roundTripMs: relay.roundTripMs.value, decodeTokensPerSecond, variant }).map((row) => (
            <div key={row.name}>
              <dt>{row.name}</dt>
              <dd>
                {row.value} {row.source !== null && <span class="tag">{row.source}</span>}
              </dd>
              <dd class="soft small">{row.allows}</dd>
            </div>
          ))}
        </dl>
      )}
      <p class="soft small">Told: by the browser, which may round. Measured: here, just now.</p>
    </section>
  );
}
