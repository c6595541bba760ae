import { describe, expect, it, vi } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import {
  GENERATOR_SILENCE_TIMEOUT_MS,
  MAX_PREFILL_ALLOWANCE_MS,
  MAX_TOKEN_ALLOWANCE_MS,
  NEIGHBOUR_PREFILL_IN_ALL_MS,
  NEIGHBOUR_PREFILL_TIMEOUT_MS,
  NEIGHBOUR_TOKEN_TIMEOUT_MS,
  PARKED_LINK_TIMEOUT_MS,
  PREFILL_ALLOWANCES_IN_ALL,
  STALLED_READER_TIMEOUT_MS,
} from './constants.ts';
import { StageBusyError } from './errors.ts';
import { PartStage, PLACES } from './part-session.fixture.ts';
import type { PartUnderTest } from './part-session.fixture.ts';

const { signal } = new AbortController();

/** Hidden states of positions that no engine made. */
const rows = (position: number, count: number) =>
  ({ type: 'hidden', position, count, format: 'f32', payload: new Uint8Array(count * 32) }) as const;

const lastWords = ({ said }: Pick<PartUnderTest, 'said'>) =>
  said.flatMap((message) =>
    message.type === 'error' ? [message.error.code] : message.type === 'ended' ? ['ended'] : [],
  );

describe('a stage that cannot go on', () => {
  it('tells its coordinator before its neighbours can notice', async () => {
    const peer = new PartStage('first', { onStart: () => Promise.reject(new StageBusyError('Every place is taken.')) });
    const part = await peer.open();
    await vi.waitUntil(() => lastWords(part).length > 0);
    expect(lastWords(part)[0]).toBe('engine_busy');
    for (let turn = 0; turn < 10; turn++) await settle();
    expect(part.streams.map(({ status }) => status)).toEqual(['open', 'open']);
    part.coordinator.abort(new Error('heard'));
    await vi.waitUntil(() => part.streams.every(({ status }) => status !== 'open'));
    expect(peer.stage.sessions()).toBe(0);
  });

  it('leaves no way behind that came the moment it gave up', async () => {
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const peer = new PartStage('first');
      const part = await peer.open({ greet: false });
      part.greet().addEventListener('message', async () => {
        for (let turn = 0; turn < microtasks; turn++) await Promise.resolve();
        void peer.stage.drain();
      });
      await vi.waitUntil(() => lastWords(part).length > 0 || part.said.at(-1)?.type === 'leaving', { interval: 1 });
      part.coordinator.abort(new Error('heard'));
      await vi.waitUntil(() => peer.stage.sessions() === 0, { interval: 1 });
      await peer.clock.advance(PARKED_LINK_TIMEOUT_MS);
      expect(
        part.streams.map(({ status }) => status),
        `${microtasks} microtasks`,
      ).not.toContain('open');
    }
  });
});

/** Moves time on in seconds, each heartbeat being heard. */
async function pass(peer: PartStage, ms: number) {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) await peer.clock.advance(Math.min(1_000, ms - passedMs));
}

describe('a stage whose neighbour does nothing', () => {
  it('is as patient as the most patient coordinator', () => {
    expect(NEIGHBOUR_PREFILL_TIMEOUT_MS).toBeGreaterThanOrEqual(MAX_PREFILL_ALLOWANCE_MS);
    expect(NEIGHBOUR_PREFILL_IN_ALL_MS).toBeGreaterThanOrEqual(MAX_PREFILL_ALLOWANCE_MS * PREFILL_ALLOWANCES_IN_ALL);
    expect(NEIGHBOUR_TOKEN_TIMEOUT_MS).toBeGreaterThanOrEqual(MAX_TOKEN_ALLOWANCE_MS);
  });

  it('gives up on one that opens its way and sends nothing', async () => {
    const peer = new PartStage('last');
    const part = await peer.open();
    await pass(peer, NEIGHBOUR_PREFILL_TIMEOUT_MS - 5_000);
    expect(lastWords(part)).toEqual([]);
    await pass(peer, 10_000);
    expect(lastWords(part)).toEqual(['previous_stage_lost', 'ended']);
    expect([peer.stage.sessions(), peer.runner.running]).toEqual([0, 0]);
  });

  it('gives up on one that sends the prompt bit by bit', async () => {
    const peer = new PartStage('last');
    const part = await peer.open();
    let position = 0;
    for (let passedMs = 0; passedMs <= NEIGHBOUR_PREFILL_IN_ALL_MS; passedMs += NEIGHBOUR_PREFILL_TIMEOUT_MS / 2) {
      if (lastWords(part).length === 0) await part.to.send(rows(position++, 1), { signal });
      await pass(peer, NEIGHBOUR_PREFILL_TIMEOUT_MS / 2);
    }
    expect(lastWords(part)).toEqual(['previous_stage_lost', 'ended']);
  });

  it('gives up on one that sends no token after the prompt', async () => {
    const peer = new PartStage('last');
    const part = await peer.open();
    await part.to.send(rows(0, 12), { signal });
    await pass(peer, NEIGHBOUR_TOKEN_TIMEOUT_MS - 5_000);
    expect(lastWords(part)).toEqual([]);
    await pass(peer, 10_000);
    expect(lastWords(part)).toEqual(['previous_stage_lost', 'ended']);
  });

  it('blames one that takes nothing, not its own engine', async () => {
    const peer = new PartStage('first');
    const part = await peer.open({ tokenCount: 600 });
    await pass(peer, NEIGHBOUR_PREFILL_TIMEOUT_MS - 5_000);
    expect(lastWords(part)).toEqual([]);
    await pass(peer, 10_000);
    expect(lastWords(part)).toEqual(['next_stage_lost', 'ended']);
  });

  it('blames its own engine where that is what stands still', async () => {
    const peer = new PartStage('first', { beforeCompute: () => new Promise(() => {}) });
    const part = await peer.open();
    await pass(peer, GENERATOR_SILENCE_TIMEOUT_MS + 2_000);
    expect(lastWords(part)).toEqual(['engine_failed', 'ended']);
  });

  it('waits through a prefill that gets on, however slowly', async () => {
    const peer = new PartStage('last');
    const part = await peer.open();
    for (let position = 0; position < 11; position++) {
      await pass(peer, NEIGHBOUR_PREFILL_IN_ALL_MS / 12);
      await part.to.send(rows(position, 1), { signal });
    }
    await vi.waitUntil(() => part.said.some(({ type }) => type === 'token'));
    part.coordinator.abort(new Error('done'));
    await vi.waitUntil(() => peer.stage.sessions() === 0);
  });
});

describe('a coordinator that does not say that the answer is complete', () => {
  it('loses its place, unless it is still reading', async () => {
    const peer = new PartStage('last');
    const part = await peer.open({ maxTokens: 2 });
    await part.to.send(rows(0, 11), { signal });
    await part.to.send(rows(11, 1), { signal });
    await vi.waitUntil(() => part.said.some(({ type }) => type === 'end'));
    await pass(peer, STALLED_READER_TIMEOUT_MS - 5_000);
    await part.coordinator.send({ type: 'credit', tokens: 1 });
    await pass(peer, STALLED_READER_TIMEOUT_MS - 5_000);
    expect(lastWords(part)).toEqual([]);
    await pass(peer, 10_000);
    expect(lastWords(part)).toEqual(['reader_stalled', 'ended']);
  });
});

describe('the places of a stage', () => {
  it('are not all taken by one coordinator', async () => {
    const peer = new PartStage('last');
    const parts: PartUnderTest[] = [];
    for (let session = 0; session < PLACES - 1; session++) parts.push(await peer.open());
    const refused = await peer.refused();
    expect(lastWords(refused)[0]).toBe('engine_busy');
    parts.push(await peer.open({ coordinator: 'another' }));
    expect(parts.map(lastWords)).toEqual(parts.map(() => []));
    for (const { coordinator } of parts) coordinator.abort(new Error('done'));
    await vi.waitUntil(() => peer.stage.sessions() === 0);
    const again = await peer.open();
    expect(lastWords(again)).toEqual([]);
    again.coordinator.abort(new Error('done'));
  });
});
