import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, which begins first: begun last, one of them would run on alone. What computes in one process and
 * what waits for several take turns.
 */
const longest = [
  'packages/engine/test/conformance',
  'tests/rolling-restart',
  'packages/engine-opencl/test/conformance',
  'tests/chaos/chaos',
  'packages/engine-native/test/conformance',
  'tests/same-bytes',
  'packages/engine-tfjs/test/conformance',
  'tests/trainings',
  'tests/browser/flows',
  'tests/clients',
  'packages/scheduler/test/experiment-life',
  'tests/backup',
  'tests/browser/results',
  'tests/s3',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return found < 0 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

/** Their files run in processes of their own: they load native libraries, or measure or end their process. */
const alone = [
  'analysis',
  'embedded',
  'engine',
  'engine-native',
  'engine-opencl',
  'engine-tfjs',
  'linalg',
  'training',
];

const common = {
  environment: 'node',
  // Real databases, child processes and LAPACK on shared cores: a test that hangs is told from a slow one late.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Processes, not threads: koffi's libraries and thread pools belong to a process.
  pool: 'forks',
} as const;

export default defineConfig({
  test: {
    // Most of the time of tests is spent waiting for processes: two at a time leave two cores idle a third of the time.
    maxWorkers: availableParallelism() + 1,
    teardownTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
    globalSetup: ['packages/testkit/dist/global-setup.js'],
    projects: [
      {
        test: {
          ...common,
          name: 'alone',
          include: ['tests/**/*.test.ts', ...alone.map((name) => `packages/${name}/test/**/*.test.ts`)],
        },
      },
      {
        test: {
          ...common,
          name: 'together',
          include: [
            'packages/*/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'scripts/test/**/*.test.ts',
          ],
          exclude: alone.map((name) => `packages/${name}/**`),
          // One process takes file after file: what they import is loaded once, which is half of their CPU time.
          isolate: false,
        },
      },
    ],
  },
});
