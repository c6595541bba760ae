import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_WIRE_ERROR_MESSAGE_CHARS } from '../errors.ts';
import type { PeerName } from '../ids.ts';
import type { RejectionReason, RoutePlan } from '../routing/types.ts';
import { noRouteWords } from './no-route-words.ts';

const model = { model: 'tiny', layerCount: 30 };

const plan = (change: Partial<RoutePlan>, ...reasons: RejectionReason[]): RoutePlan => ({
  route: undefined,
  full: false,
  reason: 'layers-missing',
  missing: [],
  rejections: reasons.map((reason, index) => ({ peer: `P${index}` as PeerName, reason })),
  ...change,
});

describe('why there is no route', () => {
  it('is that nobody serves the model, whoever else is there', () => {
    const nobody = plan({ missing: [{ start: 0, end: 30 }] }, 'model-not-served', 'model-not-served');
    expect(noRouteWords(nobody, model)).toBe('Nobody serves tiny now.');
  });

  it('names the layers that nobody holds', () => {
    const gap = plan({ missing: [{ start: 10, end: 20 }] }, 'no-neighbour', 'no-neighbour', 'model-not-served');
    expect(noRouteWords(gap, model)).toBe('Nobody holds layers 10 to 19 of tiny now.');
    const two = plan({
      missing: [
        { start: 4, end: 5 },
        { start: 20, end: 30 },
      ],
    });
    expect(noRouteWords(two, model)).toBe('Nobody holds layers 4 and 20 to 29 of tiny now.');
  });

  it('says that a peer which is loading takes no requests yet', () => {
    const loading = plan({ missing: [{ start: 0, end: 30 }] }, 'not-serving');
    expect(noRouteWords(loading, model)).toBe('Nobody serves tiny now. 1 peer takes no requests now.');
  });

  it('tells layers that are held but do not meet from layers that are missing', () => {
    expect(noRouteWords(plan({ reason: 'no-chain' }, 'hop-too-slow'), model)).toBe(
      'Peers hold all layers of this model, but no chain of them can be made. ' +
        '1 peer has no direct way to its neighbours that is fast enough.',
    );
  });

  it('stays short, however many gaps there are', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 200 }), (starts) => {
        const missing = starts.map((start) => ({ start, end: start + 1 }));
        const words = noRouteWords(plan({ missing }, 'full', 'not-serving'), { ...model, layerCount: 1_024 });
        expect(words.length).toBeLessThan(MAX_WIRE_ERROR_MESSAGE_CHARS);
      }),
    );
  });
});
