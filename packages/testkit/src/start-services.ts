/** The services tests run against: a given one, one in Docker, or one on this machine. Always real. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '@tessera/config';
import { endWithParent, freePort, holdDataFolder, removeDataFolder, startPostgres } from '@tessera/embedded';
import { findOnPath } from './queue-backends.js';
import { testPython } from './test-python.js';

export interface RunningService {
  url: string;
  stop(): Promise<void>;
}

const redisImage = 'redis:7.4-alpine';
const seaweedImage = 'chrislusf/seaweedfs:3.97';
const startTimeoutMs = 30_000;
/** Longer than a pull of a small image, shorter than anybody's patience with a registry that does not answer. */
const containerTimeoutMs = 120_000;

/** `TESSERA_TEST_DATABASE_URL`, else the embedded Postgres in a temporary folder. */
export async function startTestPostgres(settings: Settings): Promise<RunningService> {
  if (settings.testDatabaseUrl) return { url: settings.testDatabaseUrl, stop: async () => {} };
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

/** `TESSERA_TEST_REDIS_URL`, else Docker where an engine answers, else `redis-server` on PATH. */
export async function startTestRedis(settings: Settings): Promise<RunningService> {
  if (settings.testRedisUrl) return { url: settings.testRedisUrl, stop: async () => {} };
  const failures: string[] = [];
  if (await dockerAnswers()) {
    try {
      return await startRedisContainer();
    } catch (error) {
      failures.push(`Docker answers, but ${redisImage} did not start: ${(error as Error).message}.`);
    }
  } else failures.push('No Docker engine answers.');
  const program = findOnPath('redis-server');
  if (program) return startRedisProgram(program);
  throw new Error(
    `There is no Redis for the tests. ${failures.join(' ')} There is no redis-server on PATH. ` +
      'Set TESSERA_TEST_REDIS_URL, or install it: apt-get install redis-server.',
  );
}

/** Whether a Docker engine answers. */
export async function dockerAnswers(): Promise<boolean> {
  // Half a second to import: only where it is asked for.
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

async function startRedisContainer(): Promise<RunningService> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(redisImage)
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .withStartupTimeout(containerTimeoutMs)
    .start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => void (await container.stop()),
  };
}

async function startRedisProgram(program: string): Promise<RunningService> {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-test-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir];
  const redis = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) =>
    redis.on('exit', () => resolve()).on('error', () => resolve()),
  );
  const guard = endWithParent(redis.pid as number, 'KILL');
  const deadline = performance.now() + startTimeoutMs;
  while (!(await answers(port))) {
    if (redis.exitCode !== null || performance.now() > deadline) throw new Error(`${program} did not start.`);
    await sleep(20);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      guard.cancel();
      redis.kill('SIGTERM');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** SeaweedFS where a Docker engine answers, else moto's server from the tests' Python. */
export async function startTestS3(): Promise<RunningService> {
  if (await dockerAnswers()) return startSeaweed();
  const python = testPython();
  if (python) return startMoto(python);
  throw new Error('There is no S3 server for the tests: no Docker engine, and no Python with moto.');
}

async function startSeaweed(): Promise<RunningService> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(seaweedImage)
    .withCommand(['server', '-s3', '-dir=/data', '-master.volumeSizeLimitMB=64', '-volume.max=0'])
    .withExposedPorts(8333)
    .withWaitStrategy(Wait.forHttp('/healthz', 8333))
    .withStartupTimeout(containerTimeoutMs)
    .start();
  return {
    url: `http://${container.getHost()}:${container.getMappedPort(8333)}`,
    stop: async () => void (await container.stop()),
  };
}

async function startMoto(python: string): Promise<RunningService> {
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

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
