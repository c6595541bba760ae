import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_CHUNKS_UNDER_WAY, MAX_UNKEPT_CHUNKS } from './constants.ts';
import { Swarm, all, isGood, testModel } from './swarm.fixture.ts';
import type { TestModel } from './swarm.fixture.ts';
import type { LocalChunks } from './types.ts';

const CHUNKS = 24;
let model: TestModel;
let swarm: Swarm;
beforeAll(async () => {
  model = await testModel(CHUNKS);
});
beforeEach(() => {
  swarm = new Swarm(model);
});

/** A disk that keeps one chunk each time it is let. */
function slowDisk(local: { take: LocalChunks['take'] }) {
  const take = local.take.bind(local);
  const waiting: (() => void)[] = [];
  let most = 0;
  local.take = async (...chunk) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    most = Math.max(most, waiting.length);
    await promise;
    waiting.shift();
    return take(...chunk);
  };
  return { waiting, most: () => most };
}

describe('chunks on their way to the disk', () => {
  it('go there one at a time, and none counts or is told to others before it is there', async () => {
    for (const name of ['a', 'b', 'c']) swarm.add(name, all(model));
    const leecher = swarm.add('leecher', []);
    const disk = slowDisk(leecher.local);
    const follower = swarm.add('follower', [], { wanted: [] });
    const bytes = model.contents[0]!.byteLength;
    for (let kept = 0; kept < CHUNKS; kept++) {
      await swarm.until(vi.waitUntil(() => disk.waiting.length > 0));
      expect(leecher.local.chunks.size).toBe(kept);
      expect(leecher.model.stats().fromPeersBytes).toBe(kept * bytes);
      expect(leecher.model.stats().missingBytes).toBe((CHUNKS - kept) * bytes);
      disk.waiting[0]!();
      await swarm.until(vi.waitUntil(() => leecher.local.chunks.size === kept + 1));
    }
    await swarm.until(leecher.local.complete);
    expect(disk.most()).toBe(1);
    expect(isGood(model, leecher.local)).toBe(true);
    expect(follower.local.chunks.size).toBe(0);
  });

  it('hold the sources back while the disk stands still', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) swarm.add(name, all(model));
    const leecher = swarm.add('leecher', []);
    const disk = slowDisk(leecher.local);
    await swarm.until(vi.waitUntil(() => disk.waiting.length > 0));
    for (let second = 0; second < 5; second++) await swarm.clock.advance(1_000);
    const asked = [...leecher.exchange.accounts().values()].reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
    expect(asked).toBeLessThanOrEqual((MAX_CHUNKS_UNDER_WAY + MAX_UNKEPT_CHUNKS) * model.contents[0]!.byteLength);
    const freed = setInterval(() => disk.waiting[0]?.(), 1);
    await swarm.until(leecher.local.complete);
    clearInterval(freed);
  });
});
