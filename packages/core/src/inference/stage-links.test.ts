import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PeerName, SessionId } from '../ids.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { encodeMessage } from '../wire/codec.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { encodeFrame, sessionTag } from '../wire/tensor-frame.ts';
import {
  LEAVE_GRACE_MS,
  LINK_WINDOW_BYTES,
  MAX_PARKED_LINKS,
  MAX_PARKED_LINKS_PER_PEER,
  MAX_UNASKED_LINK_BYTES,
  PARKED_LINK_TIMEOUT_MS,
} from './constants.ts';
import type { HiddenStates } from './layer-runner.ts';
import type { LinkSequence } from './stage-link.ts';
import { createStageLinks } from './stage-links.ts';
import type { LinkKey, StageLinks } from './stage-links.ts';

const A = 'stageA' as PeerName;
const B = 'stageB' as PeerName;
const STRANGER = 'stranger' as PeerName;
const SESSION = 'session-1' as SessionId;
const key: LinkKey = { coordinator: 'coordinator' as PeerName, session: SESSION };
const HIDDEN_SIZE = 4_096;
const sequence: LinkSequence = { session: SESSION, carries: 'hidden', hiddenSize: HIDDEN_SIZE, start: 0, end: 1_000 };
const { signal } = new AbortController();

const rows = (position: number, count = 1): HiddenStates => ({
  type: 'hidden',
  position,
  count,
  format: 'f16',
  payload: new Uint8Array(count * HIDDEN_SIZE * 2).fill(position),
});

let clock: FakeClock;
let links: StageLinks;
/** Both ends of the ways that `links` opened. */
let opened: Stream[];

beforeEach(() => {
  opened = [];
  clock = new FakeClock();
  links = createStageLinks({
    clock,
    openStream: async () => {
      const [near, far] = await streamPair();
      opened.push(near, far);
      void links.handle(far, A);
      return { stream: near, direct: true, rttMs: 1 };
    },
  });
});

async function inbound(peer: PeerName): Promise<{ near: Stream; handled: Promise<void> }> {
  const [near, far] = await streamPair();
  return { near, handled: links.handle(far, peer) };
}

const hello = (change: Record<string, unknown> = {}) => addLengthPrefix(encodeMessage({ v: 1, ...key, ...change }));

const untilEnded = (stream: Stream) => vi.waitUntil(() => stream.status !== 'open');

/** A way whose frames a test writes itself. */
async function handWritten() {
  const { near } = await inbound(A);
  near.send(hello());
  const incoming = await links.accept(A, key, sequence, { signal });
  return { incoming, send: (bytes: Uint8Array) => near.send(bytes), near };
}

describe('the ways between stages', () => {
  it('carry what is sent, whoever comes first', async () => {
    for (const first of ['open', 'accept'] as const) {
      const accepting = first === 'accept' ? links.accept(A, key, sequence, { signal }) : undefined;
      const outgoing = await links.open(B, key, sequence, { signal });
      await settle();
      const incoming = await (accepting ?? links.accept(A, key, sequence, { signal }));
      const sending = outgoing.send(rows(0, 3), { signal });
      expect(await incoming.receive({ signal })).toEqual(rows(0, 3));
      await sending;
      const closing = outgoing.close();
      expect(await incoming.receive({ signal })).toBeUndefined();
      await incoming.close();
      await closing;
      expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 'closed'));
    }
  });

  it.each(['outgoing', 'incoming'] as const)('are reset when only the %s side ends them in order', async (side) => {
    const outgoing = await links.open(B, key, sequence, { signal });
    const incoming = await links.accept(A, key, sequence, { signal });
    const closing = (side === 'outgoing' ? outgoing : incoming).close();
    await settle();
    expect(opened.map(({ status }) => status)).toEqual(['open', 'open']);
    await clock.advance(LEAVE_GRACE_MS);
    await closing;
    for (const stream of opened) await untilEnded(stream);
  });

  it('tell a sender that waits for room that the receiver ended in order', async () => {
    const outgoing = await links.open(B, key, sequence, { signal });
    const incoming = await links.accept(A, key, sequence, { signal });
    await outgoing.send(rows(0), { signal });
    const sending = outgoing.send(rows(1), { signal });
    void incoming.close();
    await expect(sending).rejects.toMatchObject({ code: 'session_cancelled' });
    outgoing.abort();
  });

  it('hold a sender back that is ahead by more than the window', async () => {
    const outgoing = await links.open(B, key, sequence, { signal });
    const incoming = await links.accept(A, key, sequence, { signal });
    let sent = 0;
    const sending = (async () => {
      for (; sent < 400; sent++) await outgoing.send(rows(sent), { signal });
    })();
    await settle();
    expect(sent).toBe(1); // nothing was asked for yet
    for (let position = 0; position < 400; position++) {
      expect((await incoming.receive({ signal }))?.position).toBe(position);
      expect((sent - position - 1) * HIDDEN_SIZE * 2).toBeLessThanOrEqual(LINK_WINDOW_BYTES);
    }
    await sending;
    incoming.abort();
  });

  it.each([
    ['doubled', [rows(0), rows(0)]],
    ['left out', [rows(0), rows(2)]],
    ['out of order', [rows(1), rows(0)]],
    ['beyond the end', [rows(0), { ...rows(999, 2), position: 999 }]],
  ])('refuse a frame that is %s', async (_how, frames) => {
    const { incoming, send } = await handWritten();
    for (const frame of frames) send(encodeFrame(frame, sessionTag(SESSION)));
    await expect(
      (async () => {
        for (const _ of frames) await incoming.receive({ signal });
      })(),
    ).rejects.toMatchObject({ code: 'bad_frame' });
    incoming.abort();
  });

  it('refuse a frame of a session that is over', async () => {
    const { incoming, send } = await handWritten();
    send(encodeFrame(rows(0), sessionTag('session-0' as SessionId)));
    await expect(incoming.receive({ signal })).rejects.toMatchObject({ code: 'bad_frame' });
    incoming.abort();
  });

  it('give a session only what its own neighbour sends', async () => {
    const { near } = await inbound(STRANGER);
    near.send(hello());
    await settle();
    const waiting = new AbortController();
    const accepting = links.accept(A, key, sequence, { signal: waiting.signal });
    await settle();
    waiting.abort(new Error('nobody came'));
    await expect(accepting).rejects.toThrow('nobody came');
    near.abort(new Error('done'));
  });
});

/** Takes every place for streams that say whose they are, or nothing. */
async function hold(name: (index: number) => string, says: boolean): Promise<Stream[]> {
  const held: Stream[] = [];
  for (let index = 0; index < MAX_PARKED_LINKS; index++) {
    const { near } = await inbound(name(index) as PeerName);
    if (says) near.send(hello({ session: `held${index}` }));
    held.push(near);
  }
  await settle();
  return held;
}

describe('strangers on the ways between stages', () => {
  it.each([
    ['garbage', Uint8Array.from({ length: 600 }, (_, index) => 251 * index)],
    ['an oversize first message', addLengthPrefix(encodeMessage({ v: 1, ...key, session: 'x'.repeat(600) }))],
    ['a first message of another kind', addLengthPrefix(encodeMessage({ v: 2 }))],
  ])('are cut off for %s', async (_what, bytes) => {
    const { near, handled } = await inbound(STRANGER);
    near.send(bytes);
    await handled;
    await untilEnded(near);
    expect(links.parked()).toBe(0);
  });

  it('are cut off when they say nothing for too long', async () => {
    const { near, handled } = await inbound(STRANGER);
    await settle();
    await clock.advance(PARKED_LINK_TIMEOUT_MS);
    await handled;
    await untilEnded(near);
  });

  it('hold no more than their share of ways, and those not for long', async () => {
    const streams: Stream[] = [];
    for (let index = 0; index < MAX_PARKED_LINKS_PER_PEER + 40; index++) {
      const { near } = await inbound(STRANGER);
      streams.push(near);
      near.send(hello({ session: `s${index}` }));
      await settle();
    }
    expect(links.parked()).toBe(MAX_PARKED_LINKS_PER_PEER);
    for (let peer = 0; peer < 8; peer++) {
      for (let index = 0; index < MAX_PARKED_LINKS_PER_PEER; index++) {
        const { near } = await inbound(`stranger${peer}` as PeerName);
        streams.push(near);
        near.send(hello({ session: `s${index}` }));
        await settle();
      }
    }
    expect(links.parked()).toBe(MAX_PARKED_LINKS);
    await clock.advance(PARKED_LINK_TIMEOUT_MS);
    await vi.waitUntil(() => links.parked() === 0);
    for (const stream of streams) await untilEnded(stream);
  });

  describe('that hold every place', () => {
    const SYBILS = Array.from({ length: MAX_PARKED_LINKS / MAX_PARKED_LINKS_PER_PEER }, (_, index) => `sybil${index}`);

    const turns = (index: number) => SYBILS[index % SYBILS.length] as string;

    it('give one up for a newcomer, the one they have held longest', async () => {
      for (const says of [false, true]) {
        const held = await hold(turns, says);
        const { near } = await inbound(A);
        near.send(hello());
        await settle();
        const incoming = await links.accept(A, key, sequence, { signal });
        await untilEnded(held[0] as Stream);
        expect(held.filter(({ status }) => status !== 'open')).toHaveLength(1);
        incoming.abort();
        for (const stream of held) stream.abort(new Error('done'));
        await vi.waitUntil(() => links.parked() === 0);
      }
    });

    it('get none from each other, holding as many', async () => {
      await hold(turns, true);
      const { near } = await inbound(SYBILS[0] as PeerName);
      near.send(hello());
      await untilEnded(near);
      expect(links.parked()).toBe(MAX_PARKED_LINKS);
    });

    it('keep no place from a peer that an open session names, however many they are', async () => {
      const waiting = new AbortController();
      const other = { ...key, session: 'session-0' as SessionId };
      const accepting = links.accept(A, other, sequence, { signal: waiting.signal });
      const early = await inbound(A);
      early.near.send(hello());
      await settle();
      const held = await hold((index) => `stranger${index}`, true);
      expect(held[0]?.status).not.toBe('open');
      expect(early.near.status).toBe('open');
      const late = await inbound(A);
      late.near.send(hello({ session: 'session-2' }));
      await settle();
      for (const session of [SESSION, 'session-2' as SessionId]) {
        (await links.accept(A, { ...key, session }, sequence, { signal })).abort();
      }
      waiting.abort(new Error('done'));
      await expect(accepting).rejects.toThrow('done');
    });
  });

  it('are cut off when they send more than a frame before they are asked', async () => {
    const { near, handled } = await inbound(STRANGER);
    near.send(hello());
    near.send(new Uint8Array(MAX_UNASKED_LINK_BYTES));
    await settle();
    expect([near.status, links.parked()]).toEqual(['open', 1]);
    near.send(new Uint8Array(1));
    await handled;
    await untilEnded(near);
    expect(links.parked()).toBe(0);
  });
});
