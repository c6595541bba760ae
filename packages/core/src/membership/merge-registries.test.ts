import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { advert, name } from './advert.fixture.ts';
import { mergeRegistries } from './merge-registries.ts';
import { createPeerRegistry } from './peer-registry.ts';

const a = name('a');
const b = name('b');

function setUp() {
  const clock = new FakeClock();
  const starter = createPeerRegistry({ clock }, { tier: 'starter' });
  const modelA = createPeerRegistry({ clock }, { tier: 'model-a' });
  return { clock, starter, modelA, merged: mergeRegistries([starter, modelA]) };
}

describe('merged registries', () => {
  it('show a peer of two clusters once, as it described itself last', async () => {
    const { clock, starter, modelA, merged } = setUp();
    modelA.offer(a, advert(7));
    starter.offer(b, advert(1));
    await clock.advance(10);
    starter.offer(a, advert(3, { state: 'paused' }));
    const views = merged.peers();
    expect(views.map(({ peer }) => peer).toSorted()).toEqual([a, b]);
    expect(merged.get(a)).toMatchObject({ advert: { state: 'paused' }, tiers: ['starter', 'model-a'] });
    expect(views.find(({ peer }) => peer === a)).toEqual(merged.get(a));
    expect(merged.get(b)?.tiers).toEqual(['starter']);
  });

  it('forget a peer with the last cluster it is in, and tell of every change', () => {
    const { starter, modelA, merged } = setUp();
    let changes = 0;
    const end = merged.subscribe(() => {
      changes += 1;
    });
    starter.offer(a, advert(1));
    modelA.offer(a, advert(1));
    starter.forget(a);
    expect(merged.get(a)?.tiers).toEqual(['model-a']);
    modelA.forget(a);
    expect(merged.get(a)).toBeUndefined();
    expect(changes).toBe(4);
    end();
    starter.offer(a, advert(9));
    expect(changes).toBe(4);
  });
});
