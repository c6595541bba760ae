import { formatBytes } from '../../format/numbers.ts';
import { capabilityOf, openFigures } from '../../state/capability.ts';
import { isOn } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { Amount } from './amount.tsx';
import { TierTable } from './tier-table.tsx';
import { HAS_CHOICES, diskWords } from './tier-words.ts';
import type { Signal } from '@preact/signals';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What this device can serve: tiers with reasons, models of each, and the word of the person where nobody else knows. */
export function ServeList({ chosen, probe }: { chosen: Signal<string | null>; probe: DeviceProbe | null }) {
  const { relay, contribute, device, settings } = useSite();
  const catalog = relay.bootstrap.value?.catalog ?? null;
  const selected = catalog?.find(({ id }) => id === chosen.value)?.id ?? catalog?.[0]?.id ?? null;
  const free = !isOn(contribute.snapshot.value);
  if (probe === null) {
    return (
      <section aria-labelledby="models">
        <h2 id="models">What you can serve</h2>
        <p class="soft">Asking the browser</p>
      </section>
    );
  }
  const profile = capabilityOf(probe, device.kept.value?.measurement ?? null, settings);
  return (
    <section class="serve" aria-labelledby="models">
      <h2 id="models">What you can serve</h2>
      <p class="soft">
        A tier says what a device needs for models of a size. While it lends, this tab joins the cluster of every tier
        it qualifies for.
      </p>
      <HasForm probe={probe} />
      <fieldset class="models" disabled={!free}>
        <legend class="visually-hidden">Models to serve</legend>
        <TierTable profile={profile} probe={probe} catalog={catalog ?? []} selected={selected} chosen={chosen} />
      </fieldset>
      {catalog === null && <p class="soft">The catalogue of models comes from the relay.</p>}
      {catalog?.length === 0 && <p class="soft">This relay offers no models yet. Its operator adds them.</p>}
      <Together catalog={catalog ?? []} selected={selected} diskBytes={profile.diskBytes?.value ?? null} />
      {!free && <p class="soft small">Models are chosen before the start: stop lending to choose others.</p>}
    </section>
  );
}

/** What the browser does not tell and the person may. */
function HasForm({ probe }: { probe: DeviceProbe }) {
  const { device, settings } = useSite();
  const open = openFigures(probe, device.kept.value?.measurement ?? null);
  const said = settings.deviceMemoryBytes.value !== null || settings.graphicsMemoryBytes.value !== null;
  if (!open.memory && !open.graphicsMemory && !said) return null;
  return (
    <div class="limits has-form">
      {(open.memory || settings.deviceMemoryBytes.value !== null) && (
        <Amount
          label="Memory this device has (pledged)"
          chosen={settings.deviceMemoryBytes}
          choices={HAS_CHOICES}
          none={probe.memoryBytes === null ? 'Not told' : `As told: ${formatBytes(probe.memoryBytes)} or more`}
          testid="has-memory"
        />
      )}
      {(open.graphicsMemory || settings.graphicsMemoryBytes.value !== null) && (
        <Amount
          label="GPU memory it has (pledged)"
          chosen={settings.graphicsMemoryBytes}
          choices={HAS_CHOICES}
          none={device.kept.value?.measurement.graphics ? 'As measured' : 'Not told'}
          testid="has-graphics"
        />
      )}
    </div>
  );
}

/** What all models chosen need on disk; nothing where only one is. */
function Together(props: { catalog: readonly CatalogEntry[]; selected: string | null; diskBytes: number | null }) {
  const { catalog, selected, diskBytes } = props;
  const others = useSite().settings.others.value;
  const models = catalog.filter(({ id }) => id === selected || others.includes(id));
  if (models.length < 2) return null;
  const bytes = models.reduce((sum, entry) => sum + entry.bytes, 0);
  return <p role="status">{diskWords(bytes, models.length, diskBytes)}</p>;
}
