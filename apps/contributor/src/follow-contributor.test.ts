import { describe, expect, it } from 'vitest';
import { followContributor } from './follow-contributor.ts';
import { createTextLog } from './log.ts';
import type { Contributor, ContributorSnapshot, HeldModel } from '@opengateway/core';

const model = (id: string, change: Partial<HeldModel> = {}): HeldModel => ({
  entry: {
    id,
    name: id,
    manifest: id.repeat(64),
    manifestUrl: '/m',
    bytes: 100,
    layerCount: 1,
    contextLength: 1,
    license: 'MIT',
  },
  state: 'fetching',
  doneBytes: 0,
  totalBytes: 100,
  error: null,
  ...change,
});

/** The lines that a contributor's models make, one list of them after the other. */
function linesOf(...lists: (readonly HeldModel[])[]): string[] {
  const lines: string[] = [];
  let tell: ((snapshot: ContributorSnapshot) => void) | undefined;
  const still = { state: 'serving', relayConnected: true, loading: null, requestsServed: 0 } as ContributorSnapshot;
  const contributor = {
    snapshot: () => ({ ...still, held: [] as readonly HeldModel[] }),
    subscribe(listener: NonNullable<typeof tell>) {
      tell = listener;
      return () => {};
    },
  } as Partial<Contributor> as Contributor;
  followContributor(
    contributor,
    createTextLog((line) => lines.push(line)),
    () => 0,
  );
  for (const held of lists) tell?.({ ...still, held });
  return lines;
}

describe('lines about several models', () => {
  it('say once where each is', () => {
    const memory = model('a', { state: 'memory', doneBytes: 100 });
    const lines = linesOf(
      [model('a'), model('b')],
      [memory, model('b', { doneBytes: 10 })],
      [memory, model('b', { doneBytes: 50 })],
      [memory, model('b', { state: 'disk', doneBytes: 100 })],
      [model('a', { state: 'disk', doneBytes: 100 }), model('b', { state: 'memory', doneBytes: 100 })],
    );
    expect(lines).toEqual([
      'a is in memory.',
      'Fetching b to disk.',
      'b is on disk; a request loads it.',
      'a is on disk; a request loads it.',
      'b is in memory.',
    ]);
  });

  it('say why one is not held, and whether it is tried again', () => {
    const error = { name: 'E', code: 'source_failed', message: 'The server is away.', retryable: true };
    const memory = model('a', { state: 'memory', doneBytes: 100 });
    const full = { name: 'E', code: 'storage_too_small', message: 'No room.', retryable: false };
    const lines = linesOf([memory, model('b', { error }), model('c', { state: 'disk', error: full })]);
    expect(lines).toEqual([
      'a is in memory.',
      'b is not held: The server is away. (source_failed) It is tried again.',
      'c could not be loaded: No room. (storage_too_small)',
    ]);
  });

  it('are left out where there is only one', () => {
    expect(linesOf([model('a')], [model('a', { state: 'memory', doneBytes: 100 })])).toEqual([]);
  });
});
