import { defineConfig } from 'vitest/config';

/**
 * `unit` needs nothing but Node and runs in seconds; `flows` stands on the real cluster of test/cluster. Flows wait much and compute little:
 * three at once, each on a cluster of its own, keep two cores busy.
 */
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
          maxWorkers: 3,
          // Vitest runs projects with different numbers of workers one after the other, in an order that has to be said.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
