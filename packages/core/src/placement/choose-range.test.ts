import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayerRange } from '../ids.ts';
import { planRoute } from '../routing/plan-route.ts';
import { knowing, part, request } from '../routing/route.fixture.ts';
import { chooseRange } from './choose-range.ts';
import { findJoints, layerRates } from './swarm.ts';
import { holder, roomFor } from './swarm.fixture.ts';
import type { SwarmMember } from './swarm.ts';

const LAYERS = 30;

const chosen = (swarm: readonly SwarmMember[], layers: number) =>
  chooseRange({ layerCount: LAYERS, fits: roomFor(layers), swarm });

describe('chooseRange', () => {
  it('takes the whole model where it fits, whatever others hold', () => {
    expect(chosen([], LAYERS)).toEqual({ start: 0, end: LAYERS });
    expect(chosen([holder('a', 0, 10)], 99)).toEqual({ start: 0, end: LAYERS });
  });

  it('covers a new model a third at a time, then the thinnest third', () => {
    const swarm: SwarmMember[] = [];
    for (const [index, rate] of [10, 8, 12].entries()) {
      const layers = chosen(swarm, 10)!;
      expect(layers).toEqual({ start: index * 10, end: index * 10 + 10 });
      swarm.push({ ...holder(`p${index}`, 0, 0, rate), layers });
    }
    expect(chosen(swarm, 10)).toEqual({ start: 10, end: 20 });
    expect(chosen([...swarm, holder('p3', 10, 20)], 10)).toEqual({ start: 0, end: 10 });
  });

  it('ends where a gap ends, or where others end beyond it', () => {
    expect(chosen([holder('a', 0, 10), holder('b', 17, 30)], 10)).toEqual({ start: 10, end: 17 });
    expect(chosen([holder('a', 0, 10), holder('b', 13, 20), holder('c', 20, 30)], 10)).toEqual({ start: 10, end: 20 });
  });

  it('joins the others at both ends where that helps the thinnest layers as well', () => {
    const halves = [holder('a', 0, 15), holder('b', 15, 30)];
    expect(chosen(halves, 20)).toEqual({ start: 0, end: 15 });
    // Too small for either half: two of them share one.
    const first = chosen(halves, 10)!;
    expect(first).toEqual({ start: 0, end: 10 });
    expect(chosen([...halves, holder('c', first.start, first.end)], 10)).toEqual({ start: 10, end: 15 });
  });

  it('does not count who pauses or leaves, and counts who loads', () => {
    const a = holder('a', 0, 10);
    expect(chosen([{ ...a, state: 'paused' }], 10)).toEqual({ start: 0, end: 10 });
    expect(chosen([{ ...a, state: 'leaving' }], 10)).toEqual({ start: 0, end: 10 });
    expect(chosen([{ ...a, state: 'loading', tokensPerSecond: 0 }], 10)).toEqual({ start: 10, end: 20 });
  });

  it('takes layers further in where those at the edge do not fit, and none where none does', () => {
    const fits = ({ start, end }: LayerRange) => start > 0 && end < LAYERS && end - start <= 10;
    expect(chooseRange({ layerCount: LAYERS, fits, swarm: [] })).toEqual({ start: 1, end: 11 });
    expect(chooseRange({ layerCount: LAYERS, fits: () => false, swarm: [] })).toBeUndefined();
  });

  const anyJoiners = fc.record({
    layerCount: fc.integer({ min: 1, max: 40 }),
    joiners: fc.array(fc.record({ room: fc.integer({ min: 1, max: 20 }), rate: fc.integer({ min: 1, max: 50 }) }), {
      minLength: 40,
      maxLength: 60,
    }),
  });

  it('covers a model joiner by joiner, whatever their room, and they make a chain at every step', () => {
    fc.assert(
      fc.property(anyJoiners, ({ layerCount, joiners }) => {
        const swarm: SwarmMember[] = [];
        for (const [at, { room, rate }] of joiners.entries()) {
          const before = uncovered(swarm, layerCount);
          const layers = chooseRange({ layerCount, fits: roomFor(room), swarm })!;
          swarm.push({ ...holder(`p${at}`, 0, 0, rate), layers });
          expect(layers.end - layers.start === layerCount || layers.end - layers.start <= room).toBe(true);
          expect(uncovered(swarm, layerCount)).toBeLessThanOrEqual(Math.max(0, before - 1));
          expect(findJoints(swarm, layerCount).chained).toBe(true);
        }
        expect(uncovered(swarm, layerCount)).toBe(0);
      }),
    );
  });

  it('leaves a chain that the planner finds, where joiners have equal room', () => {
    const equal = fc.integer({ min: 8, max: 64 }).chain((layerCount) =>
      fc.record({
        layerCount: fc.constant(layerCount),
        room: fc.integer({ min: Math.ceil(layerCount / 8), max: layerCount - 1 }),
        extra: fc.nat(6),
      }),
    );
    fc.assert(
      fc.property(equal, ({ layerCount, room, extra }) => {
        const swarm: SwarmMember[] = [];
        const needed = Math.ceil(layerCount / room);
        for (let at = 0; at < needed + extra; at++) {
          const layers = chooseRange({ layerCount, fits: roomFor(room), swarm })!;
          swarm.push({ ...holder(`p${at}`, 0, 0), layers });
        }
        const peers = swarm.map(({ peer, layers }) => part(peer, layers.start, layers.end));
        expect(planRoute({ ...request, layerCount }, knowing(peers)).route?.stages).toHaveLength(needed);
      }),
    );
  });

  it('chooses alike in whatever order the others come', () => {
    const member = fc
      .tuple(fc.nat(LAYERS - 1), fc.integer({ min: 1, max: LAYERS }), fc.double({ min: 0.1, max: 90, noNaN: true }))
      .map(([start, length, rate]) => holder('x', start, Math.min(LAYERS, start + length), rate));
    const swarms = fc
      .array(member, { maxLength: 12 })
      .chain((swarm) =>
        fc.tuple(fc.constant(swarm), fc.shuffledSubarray(swarm, { minLength: swarm.length }), fc.nat(LAYERS - 2)),
      );
    fc.assert(
      fc.property(swarms, ([swarm, shuffled, room]) => {
        expect(chosen(shuffled, room + 1)).toEqual(chosen(swarm, room + 1));
      }),
    );
  });
});

const uncovered = (swarm: readonly SwarmMember[], layerCount: number) =>
  layerRates(swarm, layerCount).filter((rate) => rate === 0).length;
