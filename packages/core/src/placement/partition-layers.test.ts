import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import { partitionLayers } from './partition-layers.ts';
import type { PartitionMember } from './partition-layers.ts';

const member = (peer: string, memoryBytes: number, change: Partial<PartitionMember> = {}): PartitionMember => ({
  peer: peer as PeerName,
  memoryBytes,
  layersThatFit: 100,
  tokensPerSecond: 10,
  ...change,
});

const lengths = (layerCount: number, members: readonly PartitionMember[]) =>
  partitionLayers(layerCount, members)?.map(({ layers: { start, end } }) => end - start);

describe('partitionLayers', () => {
  it('shares by memory, in the order given', () => {
    expect(partitionLayers(30, [member('b', 2e9), member('a', 1e9)])).toEqual([
      { peer: 'b', layers: { start: 0, end: 20 } },
      { peer: 'a', layers: { start: 20, end: 30 } },
    ]);
  });

  it('gives what is left to the largest remainders, then to the faster, then by name', () => {
    expect(lengths(10, [member('a', 5), member('b', 3), member('c', 3)])).toEqual([4, 3, 3]);
    expect(lengths(10, [member('a', 1), member('b', 1, { tokensPerSecond: 20 }), member('c', 1)])).toEqual([3, 4, 3]);
    expect(lengths(10, [member('c', 1), member('b', 1), member('a', 1)])).toEqual([3, 3, 4]);
  });

  it('gives everyone a layer, and nobody more than fits', () => {
    expect(lengths(10, [member('a', 1_000), member('b', 1)])).toEqual([9, 1]);
    expect(lengths(10, [member('a', 1_000, { layersThatFit: 4 }), member('b', 1), member('c', 1)])).toEqual([4, 3, 3]);
  });

  it('leaves out who has no room, and those with the least memory where layers do not suffice', () => {
    expect(partitionLayers(2, [member('a', 9, { layersThatFit: 0 }), member('b', 1)])).toEqual([
      { peer: 'b', layers: { start: 0, end: 2 } },
    ]);
    expect(partitionLayers(2, [member('a', 1), member('b', 3), member('c', 2)])).toEqual([
      { peer: 'b', layers: { start: 0, end: 1 } },
      { peer: 'c', layers: { start: 1, end: 2 } },
    ]);
  });

  it('says where the members cannot hold the model together', () => {
    expect(partitionLayers(10, [])).toBeUndefined();
    expect(partitionLayers(10, [member('a', 1, { layersThatFit: 5 }), member('b', 1, { layersThatFit: 4 })])).toBe(
      undefined,
    );
  });

  const anyMembers = fc
    .array(
      fc.record({
        memoryBytes: fc.oneof(fc.nat(4), fc.nat({ max: 2 ** 40 })),
        layersThatFit: fc.nat(40),
        tokensPerSecond: fc.nat(3),
      }),
      { maxLength: 10 },
    )
    .map((members) => members.map((change, at) => member(`p${at}`, change.memoryBytes, change)));

  it('covers every layer once within what fits, exactly where that is possible', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), anyMembers, (layerCount, members) => {
        const shares = partitionLayers(layerCount, members);
        const able = members.filter(({ layersThatFit }) => layersThatFit > 0);
        // With more members than layers, those with the least memory have none.
        const used = able.toSorted((a, b) => b.memoryBytes - a.memoryBytes).slice(0, layerCount);
        const room = used.reduce((sum, { layersThatFit }) => sum + layersThatFit, 0);
        expect(shares !== undefined).toBe(room >= layerCount);
        if (shares === undefined) return;
        expect(shares).toHaveLength(used.length);
        let at = 0;
        for (const { peer, layers } of shares) {
          const fits = members.find((other) => other.peer === peer)?.layersThatFit ?? 0;
          expect(layers.start).toBe(at);
          expect(layers.end - layers.start).toBeGreaterThanOrEqual(1);
          expect(layers.end - layers.start).toBeLessThanOrEqual(fits);
          at = layers.end;
        }
        expect(at).toBe(layerCount);
      }),
      { numRuns: 500 },
    );
  });

  it('gives no member more layers than one with as much room and more memory, but for rounding', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), anyMembers, (layerCount, members) => {
        const roomy = members.map((each) => ({ ...each, layersThatFit: 80 }));
        const shares = partitionLayers(layerCount, roomy) ?? [];
        const memoryOf = (peer: PeerName) => members.find((each) => each.peer === peer)?.memoryBytes ?? 0;
        for (const a of shares) {
          for (const b of shares) {
            if (memoryOf(a.peer) <= memoryOf(b.peer)) continue;
            expect(a.layers.end - a.layers.start).toBeGreaterThanOrEqual(b.layers.end - b.layers.start - 1);
          }
        }
      }),
    );
  });
});
