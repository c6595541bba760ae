import { describe, expect, it } from 'vitest';
import { probeBrowser } from './probe-browser.ts';
import { measureGraphics } from './measure-graphics.ts';

const options = { now: () => performance.now(), signal: new AbortController().signal };

describe('graphics in a real browser', () => {
  it('is told to be a software adapter, with its limits', async () => {
    const { graphics } = await probeBrowser();
    expect(graphics).toMatchObject({ isSoftware: true });
    expect(graphics!.maxBufferBytes).toBeGreaterThanOrEqual(2 ** 28);
  });

  it('is not measured where it is a software one, unless a test insists', async () => {
    expect(await measureGraphics(navigator.gpu, { ...options, pledgedBytes: 2 ** 20 })).toBeNull();
    expect(await measureGraphics(undefined, { ...options, pledgedBytes: 2 ** 20 })).toBeNull();
    const pledgedBytes = 40 * 2 ** 20;
    const measured = await measureGraphics(navigator.gpu, { ...options, pledgedBytes, allowSoftware: true });
    expect(measured).toMatchObject({ memoryBytes: pledgedBytes, moreLeft: true });
    expect(measured!.bandwidthBytesPerSecond).toBeGreaterThan(1e8);
  });

  it('takes no more than the pledge, and frees it: again and again the same', async () => {
    for (let round = 0; round < 3; round++) {
      const measured = await measureGraphics(navigator.gpu, { ...options, pledgedBytes: 1000, allowSoftware: true });
      expect(measured!.memoryBytes).toBe(1000);
    }
  });
});
