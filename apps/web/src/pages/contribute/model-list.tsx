import { formatBytes, formatCount } from '../../format/numbers.ts';
import { modelFit } from '../../state/model-fit.ts';
import { modelCoverage } from '../../state/coverage.ts';
import { heldWords } from '../../format/layers.ts';
import { supplyWords } from '../../state/model-supply.ts';
import { isOn } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { useLent } from './use-lent.ts';
import type { CatalogEntry, LayerRange } from '@opengateway/core';
import type { Signal } from '@preact/signals';
import type { DeviceProbe } from '@opengateway/gpu-worker';
import type { ModelFit } from '../../state/model-fit.ts';

const VERDICTS: Readonly<Record<ModelFit['verdict'], { words: string; tone: string }>> = {
  ready: { words: 'ready', tone: 'good' },
  possible: { words: 'possible', tone: 'plain' },
  part: { words: 'a part of it', tone: 'plain' },
  'not-possible': { words: 'not possible', tone: 'warning' },
};

/** The region's models: which of them this device could serve, and why or why not. */
export function ModelList({ chosen, probe }: { chosen: Signal<string | null>; probe: DeviceProbe | null }) {
  const { relay, contribute } = useSite();
  const catalog = relay.bootstrap.value?.catalog ?? null;
  const free = !isOn(contribute.snapshot.value);
  const selected = chosen.value ?? catalog?.[0]?.id;
  return (
    <section aria-labelledby="models">
      <h2 id="models">What it can serve</h2>
      {catalog === null && <p class="soft">The catalogue comes from the relay.</p>}
      {catalog?.length === 0 && <p class="soft">This relay offers no models yet. Its operator adds them.</p>}
      <fieldset class="models" disabled={!free}>
        <legend class="visually-hidden">Model to serve</legend>
        {catalog?.map((entry) => (
          <ModelLine
            key={entry.id}
            entry={entry}
            probe={probe}
            selected={entry.id === selected}
            onSelect={() => (chosen.value = entry.id)}
          />
        ))}
      </fieldset>
    </section>
  );
}

function ModelLine(props: { entry: CatalogEntry; probe: DeviceProbe | null; selected: boolean; onSelect: () => void }) {
  const { entry, probe, selected, onSelect } = props;
  const { contribute, node } = useSite();
  const { state, model, layers } = contribute.snapshot.value;
  const lent = useLent();
  const servingNow = state === 'serving' && model?.id === entry.id;
  const fit = probe === null ? null : modelFit(entry, probe, { servingNow, ...lent(probe) });
  return (
    <label class="model" data-selected={selected}>
      <input type="radio" name="model" checked={selected} onChange={onSelect} />
      <span class="model-body">
        <span class="row">
          <strong>{entry.name}</strong>
          {fit !== null && (
            <span class="tag" data-tone={VERDICTS[fit.verdict].tone}>
              {VERDICTS[fit.verdict].words}
            </span>
          )}
        </span>
        {fit !== null && <span>{servingNow && layers ? servedHereWords(layers, entry.layerCount) : fit.reason}</span>}
        <span class="soft small">
          {formatBytes(entry.bytes)} · {entry.layerCount} layers · reads {formatCount(entry.contextLength)} tokens ·{' '}
          {entry.license}
          {node.heard.value && ` · ${supplyWords(modelCoverage(node.peers.value, entry))}`}
        </span>
      </span>
    </label>
  );
}

const servedHereWords = (layers: LayerRange, layerCount: number): string =>
  `Loaded and tested in this tab: ${heldWords(layers, layerCount)}.`;
