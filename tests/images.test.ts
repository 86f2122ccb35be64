/** What the images hold (infra/docker/assemble.mjs), started from clean folders: no repository around it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@tessera/embedded';
import { testPostgres, testRedisUrl } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, runtimePackages } from '../infra/docker/assemble.mjs';
import { imageEnvironment, inheritedInstructions, lastInstruction, readDockerfile } from './dockerfile.js';

const targets = ['api', 'migrate', 'worker', 'aggregator'] as const;
type Target = (typeof targets)[number];

const stages = await readDockerfile();
let folder: string;
const children: Running[] = [];

interface Running {
  process: ChildProcess;
  ended: Promise<number | null>;
  output(): string;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-images-'));
  for (const service of ['api', 'worker', 'aggregator'])
    assemble(`services/${service}`, join(folder, service));
});

afterAll(async () => {
  for (const { process, ended } of children) {
    if (process.exitCode === null) process.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
});

/** Starts a target as its container does: its command, its variables and nothing else of this machine. */
function start(target: Target, environment: Readonly<Record<string, string>>): Running {
  const instructions = inheritedInstructions(stages, target);
  const [, file = ''] = JSON.parse(lastInstruction(instructions, 'CMD') ?? '[]') as string[];
  const child = spawn(process.execPath, [file], {
    cwd: join(folder, target === 'migrate' ? 'api' : target),
    env: { ...imageEnvironment(instructions), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const running = { process: child, ended, output: () => output };
  children.push(running);
  return running;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 60_000; !(await isSo()); await sleep(50)) {
    if (performance.now() > deadline)
      throw new Error(`${what} took too long.\n${children.map(({ output }) => output()).join('\n')}`);
  }
}

describe('the images', () => {
  it.each(targets)('%s says which setting is missing, and exits 1', async (target) => {
    const { ended, output } = start(target, { TESSERA_DATA_DIR: join(folder, 'data') });
    expect(await ended).toBe(1);
    expect(output()).toContain('TESSERA_DATABASE_URL is not set');
    expect(output().trim().split('\n')).toHaveLength(1);
  });

  it('hold no sources, declarations, source maps or development packages', async () => {
    for (const service of ['api', 'worker', 'aggregator']) {
      const files = await readdir(join(folder, service), { recursive: true });
      expect(files.filter((file) => /\.(map|d\.[cm]?ts|tsbuildinfo)$/.test(file))).toEqual([]);
      expect(files.filter((file) => /^(packages|services)\/[^/]+\/(src|test)$/.test(file))).toEqual([]);
      for (const name of ['typescript', 'vitest', 'prisma', '@tessera/testkit', '@tessera/cli'])
        expect(existsSync(join(folder, service, 'node_modules', name)), name).toBe(false);
    }
    expect(existsSync(join(folder, 'worker/node_modules/fastify'))).toBe(false);
  });

  it('take an optional package with what it needs, where it is asked for and installed', () => {
    const plain = runtimePackages('services/worker');
    const more = runtimePackages('services/worker', undefined, ['playwright-core']);
    expect([...more.keys()].filter((place) => !plain.has(place))).toEqual(['node_modules/playwright-core']);
    expect(() => runtimePackages('services/worker', undefined, ['@tensorflow/tfjs-none'])).toThrow(
      '@tensorflow/tfjs-none is not installed.',
    );
  });

  it('take an experiment from request to result, and stop in order', async () => {
    const database = await testPostgres();
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const environment = {
      TESSERA_DATABASE_URL: database.url,
      TESSERA_REDIS_URL: await testRedisUrl(),
      TESSERA_DATA_DIR: join(folder, 'data'),
      TESSERA_THREADS: '1',
    };
    expect(await start('migrate', environment).ended).toBe(0);
    const watched = await Promise.all([freePort(), freePort(), freePort()]);
    const [api, worker, aggregator] = watched.map((metricsPort) => ({
      ...environment,
      TESSERA_HOST: '127.0.0.1',
      TESSERA_METRICS_PORT: String(metricsPort),
    }));
    const services = [
      start('api', { ...api, TESSERA_PORT: port }),
      start('worker', worker ?? {}),
      start('aggregator', aggregator ?? {}),
    ];
    const answer = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${url}${path}`, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${path}: ${text}`);
      return JSON.parse(text);
    };
    await until('Becoming ready', async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok === true);

    const body = JSON.stringify({
      name: 'in containers',
      dataset: { id: 'synthetic', train: 12, test: 4 },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [1, 4] },
      kernels: ['ntk'],
    });
    const headers = { 'content-type': 'application/json' };
    const posted = (await answer('/v1/experiments', { method: 'POST', headers, body })) as { id: string };
    let state = '';
    await until('The experiment', async () => {
      state = ((await answer(`/v1/experiments/${posted.id}`)) as { state: string }).state;
      return ['completed', 'failed'].includes(state);
    });
    expect(state).toBe('completed');
    const { items } = (await answer(`/v1/experiments/${posted.id}/analyses`)) as {
      items: { kappa: number }[];
    };
    expect(items).toHaveLength(2);
    for (const { kappa } of items) expect(kappa).toBeGreaterThan(1);

    // As Prometheus finds them, without a key; the API's with what Postgres counts.
    const metrics = await Promise.all(
      watched.map(async (metricsPort) => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()),
    );
    expect(metrics[0]).toContain('tessera_experiments{state="completed"} 1');
    expect(metrics[1]).toMatch(/^tessera_tasks_done_total\{wave="train",engine="native"\} [1-9]/m);
    expect(metrics[2]).toMatch(/^tessera_tasks_done_total\{wave="analysis",engine="\w+"\} [1-9]/m);

    for (const { process } of services) process.kill('SIGTERM');
    expect(await Promise.all(services.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    await database.drop();
    // Each of the waits above has 60 s of its own, and says what the services printed.
  }, 240_000);
});
