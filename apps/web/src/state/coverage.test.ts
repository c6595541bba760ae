import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stretchWords } from '../components/layer-strip.tsx';
import { modelCoverage } from './coverage.ts';
import { peerView } from './peers.fixture.ts';
import { toRow } from './peer-rows.ts';
import { catalogEntry } from './site-node.fixture.ts';
import type { LayerRange } from '@opengateway/core';
import type { PeerRow } from './peer-rows.ts';

const part = (peer: string, layers: [number, number], state: PeerRow['state'] = 'serving') =>
  toRow(peerView(peer, { state }, { layers }), null);

const size = (ranges: readonly LayerRange[]) => ranges.reduce((sum, { start, end }) => sum + end - start, 0);

describe('coverage of a model', () => {
  it('tells holes, parts and those that are loading apart', () => {
    const coverage = modelCoverage(
      [part('A', [0, 10]), part('B', [0, 10]), part('C', [20, 30]), part('D', [10, 20], 'loading')],
      catalogEntry,
    );
    expect(coverage).toEqual({
      stretches: [
        { layers: { start: 0, end: 10 }, serving: 2, loading: 0 },
        { layers: { start: 10, end: 20 }, serving: 0, loading: 1 },
        { layers: { start: 20, end: 30 }, serving: 1, loading: 0 },
      ],
      missing: [{ start: 10, end: 20 }],
      wholes: 0,
      parts: 3,
      loading: 1,
    });
    expect(coverage.stretches.map(stretchWords)).toEqual([
      'Layers 0 to 9: 2 peers',
      'Layers 10 to 19: nobody, 1 loading',
      'Layers 20 to 29: 1 peer',
    ]);
  });

  it('keeps parts apart that meet', () => {
    const { stretches, missing } = modelCoverage([part('A', [0, 12]), part('B', [12, 30])], catalogEntry);
    expect(stretches.map(({ layers }) => layers.end)).toEqual([12, 30]);
    expect(missing).toEqual([]);
  });

  it('counts neither who is paused nor another model of the same name', () => {
    const other = toRow(peerView('B', {}, { manifest: 'b'.repeat(64) }), null);
    const { missing, wholes } = modelCoverage([part('A', [0, 30], 'paused'), other], catalogEntry);
    expect([missing, wholes]).toEqual([[{ start: 0, end: 30 }], 0]);
    expect(modelCoverage([part('A', [0, 30])], catalogEntry)).toMatchObject({ missing: [], wholes: 1, parts: 0 });
  });

  it('is of every layer once, whatever peers say', () => {
    const anything = fc.tuple(fc.nat(40), fc.nat(40), fc.constantFrom('serving' as const, 'loading' as const));
    fc.assert(
      fc.property(fc.array(anything), (said) => {
        const rows = said.map(([start, end, state], index) => part(`P${index}`, [start, end], state));
        const { stretches, missing } = modelCoverage(rows, catalogEntry);
        expect(stretches.reduce((next, { layers }) => (layers.start === next ? layers.end : Number.NaN), 0)).toBe(30);
        const holes = stretches.filter(({ serving }) => serving === 0);
        expect(size(missing)).toBe(size(holes.map(({ layers }) => layers)));
      }),
    );
  });
});
