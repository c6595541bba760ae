import { formatBytes, formatCount } from '../../format/numbers.ts';
import { MAX_OTHER_MODELS } from '../../constants.ts';
import { modelFit } from '../../state/model-fit.ts';
import { modelCoverage } from '../../state/coverage.ts';
import { heldWords } from '../../format/layers.ts';
import { supplyWords } from '../../state/model-supply.ts';
import { useSite } from '../../site.ts';
import { useLent } from './use-lent.ts';
import { heldModelWords } from './weights-words.ts';
import type { CatalogEntry, LayerRange } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';
import type { ModelFit } from '../../state/model-fit.ts';

const VERDICTS: Readonly<Record<ModelFit['verdict'], { words: string; tone: string }>> = {
  ready: { words: 'ready', tone: 'good' },
  possible: { words: 'possible', tone: 'plain' },
  part: { words: 'a part of it', tone: 'plain' },
  'not-possible': { words: 'not possible', tone: 'warning' },
};

/** One model: whether this device could serve it and why, and whether it is to be lent first, or held too. */
export function ModelLine(props: { entry: CatalogEntry; probe: DeviceProbe; isFirst: boolean; onFirst: () => void }) {
  const { entry, probe, isFirst, onFirst } = props;
  const { contribute, node } = useSite();
  const { state, model, layers, held } = contribute.snapshot.value;
  const lent = useLent();
  const servingNow = state === 'serving' && model?.id === entry.id;
  const fit = modelFit(entry, probe, { servingNow, ...lent(probe) });
  const kept = held.find((one) => one.entry.id === entry.id);
  return (
    <div class="model" data-selected={isFirst} data-testid="model" data-model={entry.id}>
      <label class="model-first">
        <input type="radio" name="model" checked={isFirst} onChange={onFirst} />
        <span class="model-body">
          <span class="row">
            <strong>{entry.name}</strong>
            <span class="tag" data-tone={VERDICTS[fit.verdict].tone}>
              {VERDICTS[fit.verdict].words}
            </span>
          </span>
          <span>{servingNow && layers ? servedHereWords(layers, entry.layerCount) : fit.reason}</span>
          <span class="soft small">
            {formatBytes(entry.bytes)} · {entry.layerCount} layers · reads {formatCount(entry.contextLength)} tokens ·{' '}
            {entry.license}
            {node.heard.value && ` · ${supplyWords(modelCoverage(node.peers.value, entry))}`}
          </span>
        </span>
      </label>
      {!isFirst && <HoldToo entry={entry} possible={fit.verdict === 'possible' || fit.verdict === 'ready'} />}
      {kept !== undefined && (
        <p class="model-held small" data-testid="held-model" data-state={kept.state}>
          {heldModelWords(kept)}
        </p>
      )}
    </div>
  );
}

function HoldToo({ entry, possible }: { entry: CatalogEntry; possible: boolean }) {
  const { settings } = useSite();
  const others = settings.others.value;
  const holds = others.includes(entry.id);
  const full = others.length >= MAX_OTHER_MODELS && !holds;
  return (
    <label class="model-too small">
      <input
        type="checkbox"
        checked={holds}
        disabled={(!possible || full) && !holds}
        data-testid={`hold-${entry.id}`}
        onChange={(event) => {
          const { checked } = event.currentTarget;
          settings.others.value = checked ? [...others, entry.id] : others.filter((id) => id !== entry.id);
        }}
      />
      <span>
        Hold it too
        {!possible && <span class="soft">, which takes the whole model</span>}
        {full && <span class="soft">: {MAX_OTHER_MODELS} beside the first are the most</span>}
      </span>
    </label>
  );
}

const servedHereWords = (layers: LayerRange, layerCount: number): string =>
  `Loaded and tested in this tab: ${heldWords(layers, layerCount)}.`;
