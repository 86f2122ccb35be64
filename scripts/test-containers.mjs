/**
 * `npm run test:containers [-- VITEST ARGUMENTS]`: the integration tests with their services in containers: Postgres, Redis,
 * its sentinels and cluster, S3 (SeaweedFS), Toxiproxy. Where no Docker engine answers it says so and leaves them out:
 * `npm test` runs the same tests on processes of this machine.
 */

import { preparePython } from './bootstrap/python.mjs';
import { root, run, say } from './bootstrap/run.mjs';
import { bootstrap } from './bootstrap.mjs';
import { show } from './run-tests.mjs';

/** Everything that talks to a service that can be a container. */
const suites = [
  'packages/database',
  'packages/queue',
  'packages/store',
  'packages/scheduler',
  'packages/runner',
  'services/aggregator',
  'tests/s3.test.ts',
  'tests/redis-failover.test.ts',
  'tests/rolling-restart.test.ts',
];

const docker = await run('docker', ['info']);
if (docker.code !== 0) {
  say('Left out: the tests in containers (no Docker engine answers). npm test runs them on processes.');
  process.exit(0);
}
await bootstrap({ everySet: true });
await preparePython();
const given = process.argv.slice(2);
process.exit(
  await show([`${root}/node_modules/vitest/vitest.mjs`, 'run', ...(given.length > 0 ? given : suites)], {
    TESSERA_TEST_CONTAINERS: 'true',
  }),
);
