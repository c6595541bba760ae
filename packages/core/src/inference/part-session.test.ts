import { describe, expect, it, vi } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import { PARKED_LINK_TIMEOUT_MS } from './constants.ts';
import { StageBusyError } from './errors.ts';
import { PartStage } from './part-session.fixture.ts';
import type { PartUnderTest } from './part-session.fixture.ts';

const lastWords = ({ said }: PartUnderTest) =>
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
