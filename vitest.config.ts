import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: [
      'packages/*/test/**/*.test.ts',
      'services/*/test/**/*.test.ts',
      'scripts/test/**/*.test.ts',
      'tests/**/*.test.ts',
    ],
    // Real databases, child processes and LAPACK on shared cores: a test that hangs is told from a slow one late.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    // Processes, not threads: koffi's libraries and thread pools belong to a process.
    pool: 'forks',
    // Most of the time of tests is spent waiting for processes; vitest's own choice is one less than there are cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ['packages/testkit/dist/global-setup.js'],
  },
});
