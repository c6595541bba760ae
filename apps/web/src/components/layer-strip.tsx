import { formatPlural } from '../format/numbers.ts';
import { layerWords } from '../format/layers.ts';
import type { LayerRange } from '@opengateway/core';
import type { ModelCoverage, Stretch } from '../state/coverage.ts';

/** A model's layers as one bar: each stretch with the number of peers that hold it; holes stay open. */
export function LayerStrip({ coverage, own }: { coverage: ModelCoverage; own?: LayerRange | null }) {
  return (
    <ol class="strip" role="list" aria-label="Who holds which layers">
      {coverage.stretches.map((stretch) => (
        <li
          key={stretch.layers.start}
          class="strip-part"
          data-state={stretch.serving > 0 ? 'held' : stretch.loading > 0 ? 'loading' : 'hole'}
          data-own={own != null && own.start <= stretch.layers.start && stretch.layers.end <= own.end}
          style={{ flexGrow: stretch.layers.end - stretch.layers.start }}
          title={stretchWords(stretch)}
        >
          <span aria-hidden="true">{stretch.serving > 0 ? stretch.serving : stretch.loading > 0 ? '…' : ''}</span>
          <span class="visually-hidden">{stretchWords(stretch)}</span>
        </li>
      ))}
    </ol>
  );
}

/** `Layers 10 to 19: 2 peers, 1 more is loading`. */
export function stretchWords({ layers, serving, loading }: Stretch): string {
  const words = layerWords(layers);
  const held = serving === 0 ? 'nobody' : formatPlural(serving, 'peer');
  const more = loading === 0 ? '' : `, ${loading} ${serving === 0 ? '' : 'more '}loading`;
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}: ${held}${more}`;
}
