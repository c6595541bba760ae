import { describe, expect, it } from 'vitest';
import { launchChromium, openPage } from './browser.ts';
import { Relay } from './relay-process.ts';

const RANGES = ['0-10', '10-20', '20-30'];

describe('a direct chat', () => {
  it('is answered by a chain that the page coordinates, without /v1, and shows every hop', async () => {
    await using relay = await Relay.start({ contribute: false });
    await using peers = new AsyncDisposableStack();
    for (const range of RANGES) peers.use(relay.contributor('--threads', '1', '--layers', range));
    const browser = await launchChromium();
    try {
      await relay.until('/readyz');
      const page = await openPage(browser, `${relay.url}/chat`);
      const calls: string[] = [];
      page.on('request', (one) => calls.push(new URL(one.url()).pathname));

      await page.click('button[aria-label="Options of this chat"]');
      await page.check('input[name=place][value=direct]');
      await page.fill('[data-testid=chat-input]', 'What is the capital of France? Answer in one sentence.');
      await page.click('[data-testid=chat-send]');
      await page.waitForSelector('[data-testid=chat-answer][data-status=complete]', { timeout: 60_000 });
      expect(await page.locator('[data-testid=chat-answer]').textContent()).toContain('Paris');
      expect(calls.filter((path) => path.startsWith('/v1/'))).toEqual([]);

      await page.click('[data-testid=chat-route] summary');
      const hops = await page.locator('[data-testid=chat-hop]').allTextContents();
      expect(hops).toHaveLength(RANGES.length);
      for (const [index, range] of RANGES.entries()) {
        const [start, end] = range.split('-').map(Number);
        expect(hops[index]).toContain(`layers ${start} to ${end! - 1}`);
        expect(hops[index]).toMatch(/of computing per token/);
        expect(hops[index]).toMatch(/: direct, .+ there and back$/);
      }
      expect(await page.locator('[data-testid=chat-per-token]').textContent()).toMatch(/measured here.+computing/);
      expect(await page.locator('[data-testid=chat-route] summary').textContent()).toContain('by a chain of 3 peers');
    } finally {
      await browser.close();
    }
  });
});
