import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settle } from '@opengateway/core/testing';
import { signal } from '@preact/signals';
import { MemoryStorage } from './browser.fixture.ts';
import { watchPressure } from './cpu-pressure.ts';
import { createDeviceState } from './device-state.ts';
import { formatMinutes, isHours, parseMinutes, withinHours } from './hours.ts';
import { LEAST_CACHE_BYTES, PHONE_MEMORY_BYTES, defaultMemoryBytes, planLending } from './lending-plan.ts';
import { MAX_DEATHS, createLoadMark } from './load-mark.ts';
import { createRejoinMemory } from './rejoin.ts';
import { catalogEntry } from './site-node.fixture.ts';
import { keepAwake } from './wake-lock.ts';
import type { PressureLevel } from './cpu-pressure.ts';
import type { DeviceMeasurement, DeviceProbe } from '@opengateway/gpu-worker';

const probe: DeviceProbe = {
  host: 'browser',
  isMobile: false,
  cores: 8,
  memoryBytes: 8 * 2 ** 30,
  kernels: 'relaxed-simd',
  wasmThreads: true,
  crossOriginIsolated: true,
  storage: null,
  graphics: {
    vendor: 'nvidia',
    architecture: 'ampere',
    description: '',
    isFallback: false,
    isSoftware: false,
    features: [],
    maxBufferBytes: 1,
    maxBindingBytes: 1,
  },
  connection: null,
};
const measurement: DeviceMeasurement = {
  memoryBandwidthBytesPerSecond: 1,
  graphics: null,
  engines: [
    { engine: 'webgpu', variant: '', weightBytesPerSecond: 50, prefillTokensPerSecond: 1 },
    { engine: 'wasm', variant: '', weightBytesPerSecond: 10, prefillTokensPerSecond: 1 },
  ],
  failed: [],
  elapsedMs: 1,
};
const pledge = {
  threads: null,
  memoryBytes: null,
  storageBytes: null,
  share: 1,
  tiers: ['starter'] as const,
  others: [],
};

describe('hours', () => {
  it('may go over midnight, begin with their first minute and end before their last', () => {
    const night = { from: 22 * 60, to: 7 * 60 };
    expect([21 * 60 + 59, 22 * 60, 0, 6 * 60 + 59, 7 * 60].map((minutes) => withinHours(night, minutes))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    const day = { from: 9 * 60, to: 17 * 60 };
    expect([0, 9 * 60, 17 * 60].map((minutes) => withinHours(day, minutes))).toEqual([false, true, false]);
    expect(withinHours({ from: 60, to: 60 }, 0)).toBe(true);
  });

  it('and the hours the other way round never overlap, and fill the day', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(minute, minute, minute, (from, to, at) => {
        fc.pre(from !== to);
        expect(withinHours({ from, to }, at)).toBe(!withinHours({ from: to, to: from }, at));
      }),
    );
  });

  it('are written as time fields have them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1439 }), (minutes) => parseMinutes(formatMinutes(minutes)) === minutes),
    );
    expect(['', '24:00', '12:60', '1:00', 'noon'].map(parseMinutes)).toEqual([null, null, null, null, null]);
    expect([isHours({ from: 0, to: 1439 }), isHours({ from: 0, to: 1440 }), isHours(null), isHours(3)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('load mark', () => {
  it('counts tabs that died loading, and only those', () => {
    const storage = new MemoryStorage();
    expect(createLoadMark(storage).deaths()).toBe(0);
    const lucky = createLoadMark(storage);
    lucky.begin();
    expect(lucky.deaths()).toBe(0);
    lucky.end();
    createLoadMark(storage).begin();
    const next = createLoadMark(storage);
    expect([next.deaths(), next.deaths()]).toEqual([1, 1]);
    next.begin();
    next.end();
    // What once killed a tab would do so again at full size.
    expect(createLoadMark(storage).deaths()).toBe(1);
    for (let index = 0; index < 5; index++) createLoadMark(storage).begin();
    const last = createLoadMark(storage);
    expect(last.deaths()).toBe(MAX_DEATHS);
    last.forgive();
    expect(createLoadMark(storage).deaths()).toBe(0);
  });

  it('takes anything else in the store for nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const storage = new MemoryStorage();
        storage.setItem('opengateway-load', text);
        const deaths = createLoadMark(storage).deaths();
        expect(deaths).toBeGreaterThanOrEqual(0);
        expect(deaths).toBeLessThanOrEqual(MAX_DEATHS);
      }),
    );
  });
});

const plan = (over: Partial<Parameters<typeof planLending>[0]> = {}) =>
  planLending({ wish: { entry: catalogEntry }, probe, measurement, pledge, deaths: 0, ...over });

describe('lending plan', () => {
  it('lends all processors but one and the faster engine, unless told otherwise', () => {
    expect(plan()).toMatchObject({ engine: 'webgpu', threads: 7, share: 1, canFallBack: true, reductions: [] });
    expect(plan({ wish: { entry: catalogEntry, engine: 'wasm', threads: 3 } })).toMatchObject({
      engine: 'wasm',
      threads: 3,
      canFallBack: false,
    });
    const own = { ...pledge, threads: 2, memoryBytes: 2 ** 28, storageBytes: 5, share: 0.5 };
    const kept = plan({ pledge: own });
    expect(kept).toMatchObject({ threads: 2, storageBytes: 5, share: 0.5 });
    expect(kept.kvBudgetBytes).toBeLessThan(2 ** 27);
    expect(plan({ pledge: { ...own, threads: 99 } }).threads).toBe(8);
    expect(plan({ probe: { ...probe, wasmThreads: false }, pledge: own }).threads).toBe(1);
  });

  it('pledges half a gigabyte on a phone', () => {
    const phone = { ...probe, isMobile: true };
    expect(defaultMemoryBytes(phone)).toBe(PHONE_MEMORY_BYTES);
    expect(defaultMemoryBytes(probe)).toBe(4e9);
    const large = { ...catalogEntry, bytes: 400e6 };
    expect(plan({ probe: phone, wish: { entry: large } }).kvBudgetBytes).toBe(
      PHONE_MEMORY_BYTES - 400e6 - 64 * 2 ** 20,
    );
    expect(plan({ probe: phone, wish: { entry: { ...large, bytes: 430e6 } } })).toMatchObject({
      kvBudgetBytes: expect.any(Number),
      layersBy: 'network',
    });
  });

  it('leaves the layers to what the others hold where not all of them fit', () => {
    const large = { ...catalogEntry, bytes: 8e9 };
    const part = plan({ wish: { entry: large } });
    expect(part).toMatchObject({ layersBy: 'network', memoryBytes: 4e9, kvBudgetBytes: 256 * 2 ** 20 });
    expect(part.layers).toBeUndefined();
    const small = { ...pledge, memoryBytes: 125e6 };
    expect(plan({ pledge: small })).toMatchObject({ layersBy: 'network', kvBudgetBytes: LEAST_CACHE_BYTES });
    expect(plan()).toMatchObject({ layersBy: 'whole' });
    const layers = { start: 0, end: 3 };
    const forced = plan({ wish: { entry: large, layers } });
    expect(forced).toMatchObject({ layersBy: 'forced', layers, kvBudgetBytes: 256 * 2 ** 20 });
  });

  it('announces the tiers that the device qualifies for, and holds the other models chosen beside its own', () => {
    const other = { ...catalogEntry, id: 'other' };
    const own = { ...pledge, tiers: ['starter', 'model-a'] as const, others: [catalogEntry, other] };
    expect(plan({ pledge: own })).toMatchObject({ tiers: ['starter', 'model-a'], others: [other] });
  });

  it('lends the CPU no more than a tab’s memory can hold', () => {
    const generous = { ...pledge, memoryBytes: 16e9 };
    expect(plan({ pledge: generous }).memoryBytes).toBe(16e9);
    expect(plan({ pledge: generous, wish: { entry: catalogEntry, engine: 'wasm' } }).memoryBytes).toBe(4 * 2 ** 30);
  });

  it('starts smaller after every death: less cache, then one thread, then the CPU', () => {
    const [none, one, two, three] = [0, 1, 2, 3].map((deaths) => plan({ deaths }));
    expect(one!.kvBudgetBytes).toBe(none!.kvBudgetBytes / 4);
    expect([one!.threads, two!.threads]).toEqual([7, 1]);
    expect([two!.engine, three!.engine]).toEqual(['webgpu', 'wasm']);
    expect([none, one, two, three].map((each) => each!.reductions.length)).toEqual([0, 1, 2, 3]);
    expect(three!.reason).toBe('wasm: tabs died while the GPU was loaded.');
    expect(plan({ deaths: 3, wish: { entry: catalogEntry, engine: 'webgpu' } }).engine).toBe('webgpu');
  });

  it('runs a compiled package on the engine it is compiled for, and on no other', () => {
    const entry = { ...catalogEntry, package: { prebuilt: 'x' } } as typeof catalogEntry;
    expect(plan({ wish: { entry } })).toMatchObject({ engine: 'webllm', canFallBack: false });
  });
});

describe('rejoining', () => {
  const lent = { model: 'tiny', engine: 'wasm', threads: 2 } as const;

  it('goes on after a discard or a return from the browser’s memory, and only then', () => {
    const storage = new MemoryStorage();
    const before = createRejoinMemory(storage, false);
    before.remember(lent);
    expect(createRejoinMemory(storage, false).takeUp()).toBeNull();
    expect(createRejoinMemory(storage, true).takeUp()).toEqual(lent);
    before.restored();
    expect(createRejoinMemory(storage, false).takeUp()).toEqual(lent);
    expect(createRejoinMemory(storage, false).takeUp()).toBeNull();
    before.remember(null);
    expect(createRejoinMemory(storage, true).takeUp()).toBeNull();
  });

  it('takes anything else in the store for nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const storage = new MemoryStorage();
        storage.setItem('opengateway-lent', text);
        const found = createRejoinMemory(storage, true).takeUp();
        expect(found === null || typeof found.model === 'string').toBe(true);
      }),
    );
  });
});

function underPressure() {
  let nowMs = 0;
  let computing = false;
  let report: ((records: readonly { state: PressureLevel }[]) => void) | null = null;
  class PressureObserver {
    constructor(listener: NonNullable<typeof report>) {
      report = listener;
    }
    observe = async () => {};
  }
  const pressure = watchPressure({ PressureObserver }, { computing: () => computing, now: () => nowMs });
  return {
    pressure,
    say: (state: PressureLevel) => report?.([{ state }]),
    later: (ms: number) => {
      nowMs += ms;
      pressure.check();
    },
    compute: (does: boolean) => (computing = does),
  };
}

describe('pressure on the processor', () => {
  it('is not told by every browser', async () => {
    const { busy } = watchPressure({}, { computing: () => false, now: () => 0 });
    await settle();
    expect(busy.value).toBeNull();
  });

  it('means busy with something else, until it has been calm for a while', async () => {
    const { pressure, say, later } = underPressure();
    await settle();
    expect(pressure.busy.value).toBe(false);
    say('serious');
    expect(pressure.busy.value).toBe(true);
    later(60_000);
    expect(pressure.busy.value).toBe(true);
    say('fair');
    later(10_000);
    expect(pressure.busy.value).toBe(true);
    later(10_000);
    expect(pressure.busy.value).toBe(false);
  });

  it('is not held against this tab’s own work, nor what of it lingers', async () => {
    const { pressure, say, later, compute } = underPressure();
    await settle();
    compute(true);
    say('critical');
    later(30_000);
    compute(false);
    later(2_000);
    expect(pressure.busy.value).toBe(false);
    say('nominal');
    later(5_000);
    expect(pressure.busy.value).toBe(false);
  });
});

describe('wake lock', () => {
  it('is held only while wanted and in front, and asked for again on return', async () => {
    const log: string[] = [];
    const wakeLock = {
      request: async () => {
        log.push('request');
        return { release: async () => void log.push('release') };
      },
    };
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' as DocumentVisibilityState });
    const wanted = signal(false);
    keepAwake({ navigator: { wakeLock }, document: page as unknown as Document }, wanted);
    expect(log).toEqual([]);
    wanted.value = true;
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(log).toEqual(['request', 'release']);
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    wanted.value = false;
    await settle();
    expect(log).toEqual(['request', 'release', 'request', 'release']);
  });
});

const deviceOn = (storage: MemoryStorage, over: Partial<DeviceProbe> = {}) => {
  let measured = 0;
  const state = createDeviceState({
    probe: async () => ({ ...probe, ...over }),
    measure: async () => {
      measured++;
      return measurement;
    },
    storage,
    now: () => 7,
  });
  return { state, measured: () => measured };
};

describe('device state', () => {
  const request = { threads: 1, gpuMemoryBytes: 1 };

  it('keeps what was measured while the device is the same', async () => {
    const storage = new MemoryStorage();
    const first = deviceOn(storage);
    await first.state.look();
    expect(first.state.kept.value).toBeNull();
    await Promise.all([first.state.measure(request), first.state.measure(request)]);
    expect(first.measured()).toBe(1);
    const again = deviceOn(storage);
    await again.state.look();
    expect(again.state.kept.value).toEqual({ atMs: 7, measurement });
    const other = deviceOn(storage, { cores: 4 });
    await other.state.look();
    expect(other.state.kept.value).toBeNull();
  });

  it('goes without where measuring fails, or something else lies in the store', async () => {
    const storage = new MemoryStorage();
    storage.setItem('opengateway-measured', '{"v":1}');
    const state = createDeviceState({
      probe: async () => probe,
      measure: () => Promise.reject(new Error('hung')),
      storage,
      now: () => 0,
    });
    expect(await state.measure(request)).toBeNull();
    expect([state.kept.value, state.measuring.value]).toEqual([null, false]);
  });
});
