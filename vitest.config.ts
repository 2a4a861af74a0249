import { defineConfig } from 'vitest/config';

/** `unit` needs nothing but Node and runs in seconds; `flows` stands on the real cluster of test/cluster. */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/closing-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          // No test leaves anything behind in its process, and a process for each file costs more than the tests.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/flows/**', 'test/cluster/**', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'flows',
          include: ['test/flows/**/*.test.ts', 'test/cluster/**/*.test.ts'],
          globalSetup: ['test/support/flows-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
