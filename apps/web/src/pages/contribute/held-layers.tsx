import { LayerStrip } from '../../components/layer-strip.tsx';
import { modelCoverage } from '../../state/coverage.ts';
import { isOn } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { heldLayersWords, lackingWords } from './words.ts';

/** Which layers of the model this tab holds, why, and who holds the rest. */
export function HeldLayers() {
  const { contribute, node } = useSite();
  const snapshot = contribute.snapshot.value;
  const { model, layers, state } = snapshot;
  const words = heldLayersWords(snapshot, contribute.plan.value, contribute.times.value.weights?.totalBytes ?? null);
  if (words === null || model === null || !isOn(snapshot)) return null;
  const isPart = layers !== null && layers.end - layers.start < model.layerCount;
  const coverage = modelCoverage(node.peers.value, model);
  const lacking = state === 'serving' && node.settled.value ? lackingWords(coverage.missing) : null;
  return (
    <div class="held" data-testid="held-layers">
      <p>{words}</p>
      {isPart && <LayerStrip coverage={coverage} own={layers} />}
      {isPart && lacking !== null && <p class="small">{lacking}</p>}
    </div>
  );
}
