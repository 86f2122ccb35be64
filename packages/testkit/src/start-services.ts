/** The services tests run against: given ones, processes of this machine, or containers. Always real. */
import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '@tessera/config';
import { endWithParent, freePort, holdDataFolder, removeDataFolder, startPostgres } from '@tessera/embedded';
import { answers } from './answers.js';
import { startRedisNode } from './redis-nodes.js';
import { startContainer, whereToRun } from './service-place.js';
import { testPython } from './test-python.js';

export interface RunningService {
  url: string;
  stop(): Promise<void>;
}

const postgresImage = 'postgres:17.6-alpine';
const seaweedImage = 'chrislusf/seaweedfs:3.97';
const toxiproxyImage = 'ghcr.io/shopify/toxiproxy:2.12.0';
const startTimeoutMs = 60_000;

/** `TESSERA_TEST_DATABASE_URL`, else the embedded Postgres in a temporary folder, or a container. */
export async function startTestPostgres(settings: Settings): Promise<RunningService> {
  if (settings.testDatabaseUrl) return { url: settings.testDatabaseUrl, stop: async () => {} };
  if (settings.testContainers) return startPostgresContainer();
  const folder = await holdDataFolder(await mkdtemp(join(tmpdir(), 'tessera-test-postgres-')));
  const postgres = await startPostgres({ folder, log: (line) => console.error(line) });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      await folder.release();
      await removeDataFolder(folder.path);
    },
  };
}

async function startPostgresContainer(): Promise<RunningService> {
  const { Wait } = await import('testcontainers');
  const port = await freePort();
  const stop = await startContainer(postgresImage, (container) =>
    container
      .withExposedPorts({ container: 5432, host: port })
      .withEnvironment({ POSTGRES_PASSWORD: 'test' })
      .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'fsync=off'])
      // Once while it makes its database, once for good.
      .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2)),
  );
  return { url: `postgresql://postgres:test@127.0.0.1:${port}/postgres`, stop };
}

/** `TESSERA_TEST_REDIS_URL`, else `redis-server` on PATH, or a container. */
export async function startTestRedis(settings: Settings): Promise<RunningService> {
  if (settings.testRedisUrl) return { url: settings.testRedisUrl, stop: async () => {} };
  const { port, stop } = await startRedisNode([]);
  return { url: `redis://127.0.0.1:${port}`, stop };
}

/** moto's server from the tests' Python, or SeaweedFS in a container. */
export async function startTestS3(): Promise<RunningService> {
  const where = await whereToRun(testPython());
  return where.kind === 'process' ? startMoto(where.program) : startSeaweed();
}

async function startSeaweed(): Promise<RunningService> {
  const { Wait } = await import('testcontainers');
  const port = await freePort();
  const stop = await startContainer(seaweedImage, (container) =>
    container
      .withCommand(['server', '-s3', '-dir=/data', '-master.volumeSizeLimitMB=64', '-volume.max=0'])
      .withExposedPorts({ container: 8333, host: port })
      .withWaitStrategy(Wait.forHttp('/healthz', 8333)),
  );
  return { url: `http://127.0.0.1:${port}`, stop };
}

export async function startMoto(python: string): Promise<RunningService> {
  const port = await freePort();
  const moto = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise<void>((resolve) => moto.on('exit', () => resolve()).on('error', () => resolve()));
  const guard = endWithParent(moto.pid as number, 'KILL');
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers(port))) {
    if (moto.exitCode !== null || performance.now() > deadline)
      throw new Error(`${python} has no moto.server that starts: see scripts/requirements.txt.`);
    await sleep(50);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      guard.cancel();
      moto.kill('SIGKILL');
      await ended;
    },
  };
}

/** Toxiproxy in a container, on the host's network: it reaches the other containers' ports and this machine's. */
export async function startToxiproxy(): Promise<RunningService> {
  const port = await freePort();
  const stop = await startContainer(toxiproxyImage, (container) =>
    container.withNetworkMode('host').withCommand(['-host=127.0.0.1', `-port=${port}`]),
  );
  while (!(await answers(port))) await sleep(50);
  return { url: `http://127.0.0.1:${port}`, stop };
}
