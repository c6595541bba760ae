import { computed, signal } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import { settle } from '@opengateway/core/testing';
import { answerDirectly } from './direct-answer.ts';
import { peerView } from './peers.fixture.ts';
import { toRow } from './peer-rows.ts';
import { FakeSiteNode, catalogEntry } from './site-node.fixture.ts';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { PeerRow } from './peer-rows.ts';

const request: AnswerRequest = { model: 'tiny', messages: [], temperature: 0, maxTokens: null, seed: 1 };
const part = (peer: string, layers: [number, number]) => toRow(peerView(peer, {}, { layers }), null);

function begin({ join }: { join?: () => Promise<FakeSiteNode> } = {}) {
  const peers = signal<readonly PeerRow[]>([]);
  const settled = signal(false);
  const abort = new AbortController();
  const node = { join: join ?? (async () => new FakeSiteNode()), peers: computed(() => peers.value), settled };
  const said: string[] = [];
  const done = (async () => {
    for await (const event of answerDirectly(node, request, catalogEntry, abort.signal)) said.push(inShort(event));
  })();
  return { peers, settled, abort, said, done };
}

function inShort(event: AnswerEvent): string {
  if (event.type === 'text-delta') return event.text;
  if (event.type !== 'waiting') return event.type;
  return [event.state, ...(event.missing ?? []).map(({ start, end }) => `${start}-${end}`)].join(' ');
}

describe('a direct answer', () => {
  it('joins, hears until every layer is held, then asks the peers', async () => {
    const { peers, said, done } = begin();
    await settle();
    expect(said).toEqual(['joining', 'listening']);
    peers.value = [part('A', [0, 10])];
    await settle();
    peers.value = [part('A', [0, 10]), part('B', [10, 30])];
    await done;
    expect(said).toEqual(['joining', 'listening', 'listening 10-30', 'from peers that hold tiny', 'end']);
  });

  it('asks at once where everybody is known, and when all have had their time to speak', async () => {
    const known = begin();
    known.peers.value = [part('A', [0, 30])];
    await known.done;
    expect(known.said).toEqual(['joining', 'from peers that hold tiny', 'end']);
    const silent = begin();
    await settle();
    silent.settled.value = true;
    await silent.done;
    expect(silent.said.at(-1)).toBe('end');
  });

  it('fails as joining fails', async () => {
    const { done } = begin({ join: () => Promise.reject(new Error('no way through')) });
    await expect(done).rejects.toThrow('no way through');
  });

  it.each([
    ['joins', { join: () => new Promise<FakeSiteNode>(() => undefined) }],
    ['listens', {}],
  ])('can be stopped while it %s', async (_, setup) => {
    const { abort, done } = begin(setup);
    await settle();
    abort.abort(new Error('stopped'));
    await expect(done).rejects.toThrow('stopped');
  });
});
