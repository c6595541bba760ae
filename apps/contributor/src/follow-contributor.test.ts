import { describe, expect, it } from 'vitest';
import { followContributor } from './follow-contributor.ts';
import { createTextLog } from './log.ts';
import type { Contributor, ContributorSnapshot, HeldModel, LoadingProgress } from '@opengateway/core';

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
const linesOf = (...lists: (readonly HeldModel[])[]): string[] => linesOfChanges(lists.map((held) => ({ held })));

/** The lines that a load makes. */
const linesOfLoading = (...steps: readonly LoadingProgress[]): string[] =>
  linesOfChanges(steps.map((loading) => ({ loading, held: [] })));

function linesOfChanges(changes: readonly Partial<ContributorSnapshot>[]): string[] {
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
  for (const change of changes) tell?.({ ...still, ...change });
  return lines;
}

describe('lines about storage', () => {
  it('say once why weights are not kept', () => {
    const storeFailure = {
      name: 'E',
      code: 'storage_full',
      message: 'Needs 98 MB, 40 MB are free here.',
      retryable: false,
    };
    const loading = { doneBytes: 0, totalBytes: 9, fetchedBytes: 0, bytesPerSecond: 0 };
    const sources = { fromPeersBytes: 0, fromServerBytes: 0, peers: 0 };
    const told = { ...loading, ...sources, storeFailure };
    expect(linesOfLoading(told, { ...told }, { ...told })).toEqual([
      'Storage: Needs 98 MB, 40 MB are free here. (storage_full)',
    ]);
  });
});

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
