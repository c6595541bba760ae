import { fileURLToPath } from 'node:url';
import { preact } from '@preact/preset-vite';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { CHROMIUM_ARGUMENTS, chromiumPath } from './scripts/chromium.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Cross-origin isolation, in dev and tests as the relay serves it. */
const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const endToEnd = {
  root,
  globalSetup: [`${root}scripts/e2e-setup.ts`],
  testTimeout: 180_000,
  hookTimeout: 120_000,
};

/** End-to-end tests that wait for each other's time more than they compute: two at once. The others need the machine. */
const MOSTLY_WAITING = ['direct', 'regions', 'survival', 'tab', 'weights', 'weights-kill', 'weights-storage'].map(
  (name) => `test/e2e/${name}.test.ts`,
);

export default defineConfig(async () => ({
  root: 'apps/web',
  plugins: [preact()],
  worker: { format: 'es' as const },
  server: { headers: ISOLATION_HEADERS },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023' },
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          root,
          include: ['{packages,apps,scripts,test}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.browser.test.ts', 'test/e2e/**'],
          globalSetup: [`${root}scripts/test-setup.ts`],
          testTimeout: 30_000,
        },
      },
      {
        root,
        server: { headers: ISOLATION_HEADERS },
        test: {
          name: 'browser',
          root,
          include: ['{packages,apps,test}/**/*.browser.test.ts'],
          globalSetup: [`${root}scripts/test-setup.ts`],
          testTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: await chromiumPath(), args: CHROMIUM_ARGUMENTS } }),
            instances: [{ browser: 'chromium' as const }],
          },
        },
      },
      {
        test: {
          ...endToEnd,
          name: 'e2e-waiting',
          include: MOSTLY_WAITING,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: MOSTLY_WAITING,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
}));
