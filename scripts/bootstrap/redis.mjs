import { aptInstall, canApt } from './native.mjs';
import { run } from './run.mjs';

/**
 * Sees to it that the tests will find a Redis (packages/testkit starts it): a given one, a Docker engine, or a
 * redis-server on PATH, installed by apt where root may.
 * @returns {Promise<string | null>} null: there will be one; else why not
 */
export async function prepareRedis() {
  if (process.env.TESSERA_TEST_REDIS_URL) return null;
  if (await has('redis-server', ['--version'])) return null;
  if (await has('docker', ['info'])) return null;
  if (canApt() && (await aptInstall(['redis-server']))) return null;
  return 'there is no TESSERA_TEST_REDIS_URL, no Docker engine and no redis-server on PATH';
}

async function has(command, args) {
  return (await run(command, args)).code === 0;
}
