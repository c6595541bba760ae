import { deviceRows } from '../../state/device-rows.ts';
import { useSite } from '../../site.ts';
import type { DeviceFacts } from '../../state/device-facts.ts';

/** What this device is: every figure with where it comes from and what it allows. */
export function DeviceCard({ facts }: { facts: DeviceFacts | null }) {
  const { relay, contribute } = useSite();
  const { decodeTokensPerSecond, variant } = contribute.snapshot.value;
  return (
    <section class="card" aria-labelledby="device">
      <h2 id="device">This device</h2>
      {facts === null ? (
        <p class="soft">Asking the browser</p>
      ) : (
        <dl class="device">
          {deviceRows(facts, { roundTripMs: relay.roundTripMs.value, decodeTokensPerSecond, variant }).map((row) => (
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
