import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * The contributor as two JavaScript files, `dist/main.js` and `dist/worker.node.js`.
 *
 * It runs from its sources as well; built, it starts faster and each of its threads needs some 30 MB
 * less, because Node's compiler for TypeScript is not loaded and nothing that is not used is.
 */
export default defineConfig({
  root: path('.'),
  resolve: { alias: { '#fetch-kernels': path('./src/fetch-kernels.ts') } },
  ssr: { noExternal: true },
  build: {
    ssr: true,
    minify: true,
    outDir: 'dist',
    emptyOutDir: true,
    target: 'node24',
    rolldownOptions: {
      input: { main: path('./src/main.ts'), 'worker.node': path('../../packages/gpu-worker/src/worker.node.ts') },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      // Our own modules do nothing but export, save for the two that are started.
      treeshake: { moduleSideEffects: (id) => !/\/packages\/[^/]+\/src\/(?!worker\.node)/.test(id) },
    },
  },
});
