import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What the engine finds by address lies elsewhere once built: its threads beside it, the kernels where they were. */
const builtAddresses: Plugin = {
  name: 'built-addresses',
  enforce: 'pre',
  transform: (code, id) =>
    id.includes('/packages/gpu-worker/src/')
      ? code
          .replace(/new URL\('\.\/([\w.-]+)\.ts', import\.meta\.url\)/g, "new URL('./$1.js', import.meta.url)")
          .replace('`../../../dist/', '`../../../packages/gpu-worker/dist/')
      : null,
};

/**
 * The contributor as JavaScript: `dist/main.js`, and what its threads run beside it.
 *
 * It runs from its sources as well; built, it starts faster and each of its threads needs some 30 MB
 * less, because Node's compiler for TypeScript is not loaded and nothing that is not used is.
 */
export default defineConfig({
  root: path('.'),
  plugins: [builtAddresses],
  ssr: { noExternal: true },
  build: {
    ssr: true,
    minify: true,
    outDir: 'dist',
    emptyOutDir: true,
    target: 'node24',
    rolldownOptions: {
      input: {
        main: path('./src/main.ts'),
        'worker.node': path('../../packages/gpu-worker/src/worker.node.ts'),
        'thread.node': path('../../packages/gpu-worker/src/engines/wasm/thread.node.ts'),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      // Our own modules do nothing but export, save for those that are started.
      treeshake: {
        moduleSideEffects: (id) => !/\/packages\/[^/]+\/src\//.test(id) || /(worker|thread)\.node\.ts$/.test(id),
      },
    },
  },
});
