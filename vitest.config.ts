import { defineConfig } from 'vitest/config';

/** Tests run against what `tsc` built (`#runtime/*` → `dist/runtime/*`): worker threads need real files. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**', 'node_modules/**'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    env: { FORCE_COLOR: '0', NO_COLOR: '1' },
  },
});
