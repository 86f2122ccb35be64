import { loadSettings } from '@tessera/config';
import { findOnPath } from './find-on-path.js';
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

/** Whether tests can start Redis servers of their own: what looks like a Docker engine, or a redis-server. */
export function canStartRedis(): boolean {
  if (mayHaveDocker() || findOnPath('redis-server') !== null) return true;
  if (process.env.CI)
    throw new Error('There is no redis-server for the tests: see scripts/bootstrap/redis.mjs.');
  return false;
}

/** Whether there is a given Redis, what looks like a Docker engine, or a redis-server. */
function canHaveRedis(): boolean {
  const isGiven = loadSettings(process.env).settings.testRedisUrl !== null;
  return isGiven || mayHaveDocker() || findOnPath('redis-server') !== null;
}
