import { defineConfig } from 'vitest/config';

/** Tests that need a kernel of their own: run inside the lab by `npm run test:lab`, one processor, a read-only root. */
export default defineConfig({
  cacheDir: '/run/tmp/vite',
  test: {
    include: ['test/lab/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    fileParallelism: false,
  },
});
