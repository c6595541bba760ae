import { describe, expect, it } from 'vitest';
import { createTuningStore, MAX_TUNING_CHOICES } from './tuning-store.ts';

describe('createTuningStore', () => {
  it('gives back a choice to whoever opens it next', async () => {
    const database = 'tuning-store-test-kept';
    await createTuningStore({ database }).set('adapter, 576 x 1536', '{"rowsPerThread":2}');
    const again = createTuningStore({ database });
    expect(await again.get('adapter, 576 x 1536')).toBe('{"rowsPerThread":2}');
    expect(await again.get('another')).toBeUndefined();
  });

  it('starts anew rather than grow without end', async () => {
    const store = createTuningStore({ database: 'tuning-store-test-full' });
    for (let index = 0; index <= MAX_TUNING_CHOICES; index++) await store.set(`key ${index}`, 'value');
    expect(await store.get('key 0')).toBeUndefined();
    expect(await store.get(`key ${MAX_TUNING_CHOICES}`)).toBe('value');
  });
});
