import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { loadSettings } from '@tessera/config';
import { mayHaveDocker } from './test-services.js';

export type QueueBackend = 'postgres' | 'redis';

/**
 * The queue backends to test: both, or, on a machine where no Redis can be had (`npm test` says so by name),
 * Postgres alone. @throws in CI, where a missing service is a failure
 */
export function queueBackends(): readonly QueueBackend[] {
  if (canHaveRedis()) return ['postgres', 'redis'];
  if (process.env.CI) throw new Error('There is no Redis for the tests: see scripts/bootstrap/redis.mjs.');
  return ['postgres'];
}

/** Whether there is a given Redis, what looks like a Docker engine, or a redis-server. */
function canHaveRedis(): boolean {
  const isGiven = loadSettings(process.env).settings.testRedisUrl !== null;
  return isGiven || mayHaveDocker() || findOnPath('redis-server') !== null;
}

/** The program's file, or null. */
export function findOnPath(program: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const candidate = join(folder, program);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
