import { chromium, type Browser, type Page } from 'playwright-core';
import { CHROMIUM_ARGUMENTS, chromiumPath } from '../../scripts/chromium.ts';

/** A Chromium of its own process, with nothing kept from earlier. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumPath(), args: CHROMIUM_ARGUMENTS });
}

/** Opens a page that fails the test by any uncaught error. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('close', () => {
    if (failures.length > 0) throw new Error(`The page failed: ${failures.join('; ')}`);
  });
  await page.goto(url);
  return page;
}

/** Resolves when the contribute page is in `state`. */
export async function untilContributor(page: Page, state: string): Promise<void> {
  await page.waitForSelector(`[data-testid=contributor-state][data-state=${state}]`, { timeout: 60_000 });
}
