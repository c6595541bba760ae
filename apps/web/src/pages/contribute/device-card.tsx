import { defaultThreads, mostThreads } from '@opengateway/gpu-worker';
import { formatSpan, formatAgo } from '../../format/time.ts';
import { useNow } from '../../components/use-now.ts';
import { deviceRows } from '../../state/device-rows.ts';
import { isOn } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { useLent } from './use-lent.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What this device is: every figure with where it comes from and what it allows. */
export function DeviceCard({ probe, model }: { probe: DeviceProbe | null; model: CatalogEntry | null }) {
  return (
    <section class="card" aria-labelledby="device">
      <h2 id="device">This device</h2>
      {probe === null ? <p class="soft">Asking the browser</p> : <DeviceFacts probe={probe} model={model} />}
      <p class="soft small">
        Told: by the browser, which may round. Measured: here. Pledged: by you, or for you until you choose.
      </p>
    </section>
  );
}

function DeviceFacts({ probe, model }: { probe: DeviceProbe; model: CatalogEntry | null }) {
  const { relay, contribute, device, settings, onBattery } = useSite();
  const now = useNow(30_000);
  const { memoryBytes } = useLent()(probe);
  const snapshot = contribute.snapshot.value;
  const kept = device.kept.value;
  const threads = Math.min(settings.threads.value ?? defaultThreads(probe), mostThreads(probe));
  const rows = deviceRows(probe, {
    roundTripMs: relay.roundTripMs.value,
    decodeTokensPerSecond: snapshot.decodeTokensPerSecond,
    variant: snapshot.variant,
    measurement: kept?.measurement ?? null,
    model,
    pledgedThreads: threads,
    pledgedMemoryBytes: memoryBytes,
    onBattery: onBattery.value,
  });
  const measuring = device.measuring.value;
  return (
    <>
      <dl class="device">
        {rows.map((row) => (
          <div key={row.name + row.allows}>
            <dt>{row.name}</dt>
            <dd>
              {row.value} {row.source !== null && <span class="tag">{row.source}</span>}
            </dd>
            <dd class="soft small">{row.allows}</dd>
          </div>
        ))}
      </dl>
      {!isOn(snapshot) && (
        <div class="row">
          <button
            class="button"
            disabled={measuring}
            onClick={() => void device.measure({ threads, gpuMemoryBytes: memoryBytes })}
          >
            {measuring ? 'Measuring, at most 3 s' : kept === null ? 'Measure this device' : 'Measure again'}
          </button>
          {kept !== null && !measuring && (
            <span class="soft small">
              Measured {formatAgo(kept.atMs, now)}, in {formatSpan(kept.measurement.elapsedMs)}
            </span>
          )}
        </div>
      )}
    </>
  );
}
