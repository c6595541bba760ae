import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayerRange } from '../ids.ts';
import { shouldMove } from './should-move.ts';
import { findJoints, layerRates } from './swarm.ts';
import { holder, roomFor } from './swarm.fixture.ts';
import type { SwarmMember } from './swarm.ts';

const LAYERS = 30;

const moved = (swarm: readonly SwarmMember[], peer: string, room = 10) =>
  shouldMove(
    swarm.find((member) => member.peer === peer)!,
    { layerCount: LAYERS, fits: roomFor(room), swarm },
  );

describe('shouldMove', () => {
  const thirds = [holder('a', 0, 10), holder('b', 10, 20), holder('c', 20, 30)];

  it('stays where nobody else holds its layers, however thin others are', () => {
    expect(moved([holder('a', 0, 10), holder('b', 10, 20, 1)], 'a')).toBeUndefined();
    expect(thirds.map(({ peer }) => moved(thirds, peer))).toEqual([undefined, undefined, undefined]);
  });

  it('covers layers that nobody holds, where others hold its own', () => {
    const swarm = [holder('a', 0, 10), holder('b', 0, 10), holder('c', 20, 30)];
    expect(moved(swarm, 'b')).toEqual({ start: 10, end: 20 });
    expect(moved(swarm, 'a')).toBeUndefined();
  });

  it('moves where the weakest layer gets clearly better only', () => {
    const crowded = [holder('a', 0, 10), holder('a2', 0, 10), holder('a3', 0, 10)];
    expect(moved([...crowded, holder('b', 10, 20, 10), holder('c', 20, 30, 40)], 'a3')).toEqual({ start: 10, end: 20 });
    expect(moved([...crowded, holder('b', 10, 20, 25), holder('c', 20, 30, 40)], 'a3')).toBeUndefined();
    // Two thirds are equally thin: helping one of them alone helps nobody.
    expect(moved([...crowded, holder('b', 10, 20), holder('c', 20, 30)], 'a3')).toBeUndefined();
  });

  it('counts on nobody who only loads or pauses to keep its layers', () => {
    for (const state of ['loading', 'paused', 'leaving'] as const) {
      const swarm = [{ ...holder('a', 0, 10, 50), state }, holder('b', 0, 10), holder('c', 20, 30)];
      expect(moved(swarm, 'b')).toBeUndefined();
    }
  });

  it('stays where its layers are covered without it but no chain is left', () => {
    // b and c overlap: only a meets c.
    const swarm = [holder('a', 0, 10, 5), holder('b', 0, 15), holder('c', 10, 30), holder('d', 12, 30)];
    expect(moved(swarm, 'a', 20)).toBeUndefined();
  });

  const anySwarm = fc
    .array(
      fc.record({
        cut: fc.tuple(fc.nat(LAYERS), fc.nat(LAYERS)).filter(([a, b]) => a !== b),
        rate: fc.integer({ min: 1, max: 60 }),
        extraRoom: fc.nat(6),
        third: fc.option(fc.nat(2)),
      }),
      { minLength: 1, maxLength: 10, size: 'max' },
    )
    .map((members) =>
      members.map(({ cut, rate, extraRoom, third }, at) => {
        const [start, end] = third === null ? [Math.min(...cut), Math.max(...cut)] : [third * 10, third * 10 + 10];
        return { member: holder(`p${at}`, start, end, rate), room: end - start + extraRoom };
      }),
    );

  it('uncovers no layer and breaks no chain, and everyone comes to rest by moving in turn', () => {
    let moves = 0;
    fc.assert(
      fc.property(anySwarm, (entries) => {
        let swarm = entries.map(({ member }) => member);
        for (let round = 0; ; round++) {
          expect(round).toBeLessThan(50);
          let anyMoved = false;
          for (const { member, room } of entries) {
            const current = swarm.find(({ peer }) => peer === member.peer)!;
            const layers = shouldMove(current, { layerCount: LAYERS, fits: roomFor(room), swarm });
            if (layers === undefined) continue;
            const without = swarm.filter((other) => other !== current);
            expectNothingLost(swarm, without);

            const rate = (current.tokensPerSecond * length(current.layers)) / length(layers);
            const next = swarm.map((other) =>
              other === current ? { ...other, layers, tokensPerSecond: rate } : other,
            );
            expectNothingLost(swarm, next);
            swarm = next;
            anyMoved = true;
            moves += 1;
          }
          if (!anyMoved) return;
        }
      }),
      { numRuns: 300 },
    );
    expect(moves).toBeGreaterThan(50);
  });

  it('keeps the chain where two could go, but not both at once', () => {
    // z and w make one way to layer 20, x and y another; v comes after either.
    const swarm = [
      holder('z', 0, 15),
      holder('w', 15, 20, 1),
      holder('x', 0, 10, 1),
      holder('y', 10, 20),
      holder('v', 20, 30, 1),
    ];
    expect(moved(swarm, 'x')).toEqual({ start: 20, end: 30 });
    expect(moved(swarm, 'w')).toBeUndefined();
  });

  it('leaves every layer a holder, and the chain, where all decide at once', () => {
    fc.assert(
      fc.property(anySwarm, (entries) => {
        const swarm = entries.map(({ member }) => member);
        const staying = entries.filter(
          ({ member, room }) => shouldMove(member, { layerCount: LAYERS, fits: roomFor(room), swarm }) === undefined,
        );
        expectNothingLost(
          swarm,
          staying.map(({ member }) => member),
        );
      }),
      { numRuns: 200 },
    );
  });
});

const covered = (swarm: readonly SwarmMember[]) => layerRates(swarm, LAYERS).map((rate) => rate > 0);

function expectNothingLost(before: readonly SwarmMember[], after: readonly SwarmMember[]): void {
  const kept = covered(after);
  for (const [layer, was] of covered(before).entries()) if (was) expect(kept[layer]).toBe(true);
  if (findJoints(before, LAYERS).chained) expect(findJoints(after, LAYERS).chained).toBe(true);
}

const length = ({ start, end }: LayerRange) => end - start;
