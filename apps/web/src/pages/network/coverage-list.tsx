import { LayerStrip } from '../../components/layer-strip.tsx';
import { gapWords } from '../../format/layers.ts';
import { modelCoverage } from '../../state/coverage.ts';
import { supplyWords } from '../../state/model-supply.ts';
import { useSite } from '../../site.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { ModelCoverage } from '../../state/coverage.ts';
import type { PeerRow } from '../../state/peer-rows.ts';

/** For each model that somebody holds a part of: which layers are held by how many, and what is missing. */
export function CoverageList({ rows }: { rows: readonly PeerRow[] }) {
  const catalog = useSite().relay.bootstrap.value?.catalog ?? [];
  const models = catalog
    .map((entry) => ({ entry, coverage: modelCoverage(rows, entry) }))
    .filter(({ coverage: { wholes, parts, loading } }) => wholes + parts + loading > 0);
  if (models.length === 0) return null;
  return (
    <section class="card" aria-labelledby="coverage">
      <h2 id="coverage">Layers held</h2>
      <p class="soft small">
        A model is a stack of layers. A peer holds all of them or a part; parts that meet make a chain, which answers
        like one peer. It makes room for larger models, not faster answers.
      </p>
      {models.map(({ entry, coverage }) => (
        <Model key={entry.id} entry={entry} coverage={coverage} own={ownPart(rows, entry)} />
      ))}
      <p class="soft small strip-legend" aria-hidden="true">
        <span>
          <span class="strip-key" data-state="held" /> held, by so many peers
        </span>
        {rows.some(({ self, held }) => self && held.length > 0) && (
          <span>
            <span class="strip-key" data-own="true" /> this tab among them
          </span>
        )}
        <span>
          <span class="strip-key" data-state="loading" /> loading
        </span>
        <span>
          <span class="strip-key" data-state="hole" /> held by nobody
        </span>
      </p>
    </section>
  );
}

function Model(props: { entry: CatalogEntry; coverage: ModelCoverage; own: PeerRow['held'][number]['layers'] | null }) {
  const { entry, coverage, own } = props;
  const { missing } = coverage;
  return (
    <div class="coverage" data-testid="coverage" data-model={entry.id}>
      <p class="coverage-head">
        <strong>{entry.name}</strong>
        <span class="soft small">
          {entry.layerCount} layers, {supplyWords(coverage)}
        </span>
      </p>
      <LayerStrip coverage={coverage} own={own} />
      <p class="strip-ends soft small" aria-hidden="true">
        <span>0</span>
        <span>{entry.layerCount - 1}</span>
      </p>
      {missing.length > 0 && (
        <p class="small">
          Cannot answer yet: nobody serves {gapWords(missing)}.{' '}
          <a href={`/contribute?model=${entry.id}`}>Lend this device</a>: it could hold them.
        </p>
      )}
    </div>
  );
}

const ownPart = (rows: readonly PeerRow[], { manifest }: CatalogEntry) =>
  rows.find(({ self }) => self)?.held.find((held) => held.manifest === manifest)?.layers ?? null;
