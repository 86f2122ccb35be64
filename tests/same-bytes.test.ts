/** Whatever dies, the bytes are those of an undisturbed run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allArrays, fetchArray } from './compare.js';

/** About ten seconds of work in many tasks. */
const spec: ExperimentSpecInput = {
  name: 'killed and continued',
  dataset: { id: 'synthetic', train: 96, test: 400 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: { from: 1, to: 2.5, count: 6 }, biasVariance: [0.18], depth: [0, 1, 5, 20, 60] },
  kernels: ['ntk', 'nngp'],
  tileSize: 24,
  analysis: { regression: { diagReg: [0, 0.001] }, dynamics: { times: [1, 64] } },
  keep: { kernels: 'all', predictions: true },
};

const dataDir = mkdtempSync(join(tmpdir(), 'tessera-same-bytes-'));
let stack: TestStack;
let client: TesseraClient;
let undisturbed: Map<string, Buffer>;

/** Waits until the API answers again. */
async function untilReady(): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    try {
      await client.ready();
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error('the API did not come back');
}

async function expectSameBytes(id: string): Promise<void> {
  const ended = await client.waitFor(id, { reconnectMs: 60_000 });
  expect(ended).toMatchObject({ state: 'completed', error: null });
  const arrays = await allArrays(client, id);
  expect([...arrays.keys()]).toEqual([...undisturbed.keys()]);
  for (const [name, bytes] of arrays)
    expect(undisturbed.get(name)?.equals(bytes), `${name} is the same`).toBe(true);
  for (const counts of [ended.progress.tiles, ended.progress.analyses, ended.progress.strips]) {
    expect(counts).toMatchObject({ done: counts.total, failed: 0, running: 0 });
  }
}

/** Waits until the experiment is well under way. */
async function midRun(id: string): Promise<void> {
  for (;;) {
    const { progress, state } = await client.getExperiment(id);
    if (progress.tiles.done >= 8 || state === 'completed') return;
    await sleep(20);
  }
}

async function start(): Promise<void> {
  stack = await startStack({ dataDir, workers: 2, env: { TESSERA_LEASE_MS: '2000' } });
  client = new TesseraClient(stack.url);
}

/** SIGKILL of one process of a service. */
async function kill(service: string): Promise<void> {
  const [, pid] = Object.entries(await stack.pids()).find(([name]) => name.startsWith(service)) ?? [];
  if (!pid) throw new Error(`no process of ${service}`);
  process.kill(pid, 'SIGKILL');
}

beforeAll(async () => {
  await start();
  const { id } = await client.createExperiment(spec);
  expect((await client.waitFor(id)).state).toBe('completed');
  undisturbed = await allArrays(client, id);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('after a SIGKILL in mid-run the experiment completes with the same bytes', () => {
  it.each(['worker', 'aggregator', 'api'] as const)('of a %s', async (service) => {
    const { id } = await client.createExperiment(spec);
    await midRun(id);
    await kill(service);
    await untilReady();
    await expectSameBytes(id);
  });

  it('of the whole stack', async () => {
    const { id } = await client.createExperiment(spec);
    await midRun(id);
    await stack.kill();
    await start();
    await expectSameBytes(id);
  });
});

describe('tiled = untiled', () => {
  it('gives the same kernels bit for bit for tiles of 1, 3, 7, 64 and full', async () => {
    const kernels = async (tileSize: number, train: number) => {
      const { id } = await client.createExperiment({
        ...spec,
        dataset: { id: 'synthetic', train, test: 9 },
        grid: { weightVariance: [2.5], biasVariance: [0.18], depth: [0, 3, 40] },
        tileSize,
        analysis: {},
      });
      expect((await client.waitFor(id)).state).toBe('completed');
      return {
        ntk: (await fetchArray(client, id, 'ntk_train_train')).values,
        test: (await fetchArray(client, id, 'ntk_test_train')).values,
      };
    };
    // Tiles of 3 and 7 leave ragged ones at the edge.
    const small = await kernels(13, 13);
    for (const tileSize of [1, 3, 7]) expect(await kernels(tileSize, 13)).toEqual(small);
    expect(await kernels(64, 100)).toEqual(await kernels(100, 100));
  });
});

describe('cancel and retry', () => {
  it('a cancelled experiment stops within a second or two, and a retry completes it with the same bytes', async () => {
    const { id } = await client.createExperiment(spec);
    await midRun(id);
    const asked = performance.now();
    await client.cancelExperiment(id);
    while ((await client.getExperiment(id)).state === 'cancelling') await sleep(20);
    expect((await client.getExperiment(id)).state).toBe('cancelled');
    expect(performance.now() - asked).toBeLessThan(10_000);
    await client.retryExperiment(id);
    await expectSameBytes(id);
    await client.deleteExperiment(id);
    await expect(client.getExperiment(id)).rejects.toMatchObject({ code: 'not-found' });
  });
});
