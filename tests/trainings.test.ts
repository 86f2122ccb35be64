/** Networks of finite width as tasks of the queue: their rows, a worker that is killed, a cancel. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { AnalysisRow, ExperimentSpecInput, TrainingRow } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { npz } from './cifar-upload.js';

let stack: TestStack;
let client: TesseraClient;
beforeAll(async () => {
  stack = await startStack({ workers: 1, readyTimeoutMs: 110_000, env: { TESSERA_LEASE_MS: '2000' } });
  client = new TesseraClient(stack.url);
});
afterAll(() => stack?.stop());

const spec = (training: ExperimentSpecInput['training']): ExperimentSpecInput => ({
  name: 'networks',
  dataset: { id: 'synthetic', train: 32, test: 16, normalization: 'unit-sphere' },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [1, 3] },
  analysis: { dynamics: { times: [4, 8] } },
  keep: { kernels: 'none' },
  ...(training && { training }),
});

const rowsOf = async (id: string): Promise<TrainingRow[]> => {
  const response = await fetch(`${stack.url}/v1/experiments/${id}/trainings`);
  return ((await response.json()) as { items: TrainingRow[] }).items;
};
async function until<T>(ask: () => Promise<T | null | undefined | false>, withinMs = 240_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`it did not come true in time\n${stack.output()}`);
    await sleep(50);
  }
}
const completed = (id: string) =>
  until(async () => {
    const { state, error } = await client.getExperiment(id);
    if (state === 'failed') throw new Error(error?.message);
    return state === 'completed';
  });

/** The losses of the kernel's gradient flow, and the network's at the same time. Its rate is the half of the kernel's largest. */
async function besideKernel(id: string, row: TrainingRow) {
  const answer = await fetch(`${stack.url}/v1/experiments/${id}/analyses?kernel=ntk&depth=${row.depth}`);
  const [kernel] = ((await answer.json()) as { items: AnalysisRow[] }).items;
  expect(row.learningRate).toBeCloseTo((kernel?.maxLearningRate as number) / 2, 12);
  return (kernel?.dynamics ?? []).map(({ time, trainLoss, testLoss }) => {
    const score = row.scores.find((each) => each.time !== null && Math.abs(each.time - time) < 1e-9);
    const ratio = (of: number | null | undefined, to: number | null) => (of as number) / (to as number);
    return { time, train: ratio(score?.trainLoss, trainLoss), test: ratio(score?.testLoss, testLoss) };
  });
}

it('trains a network at every depth by every seed, near what the kernel predicts', async () => {
  // Steps of another size, and many: what they are planned to take is what networks are planned to take.
  const planned = async () =>
    (await client.planExperiment(spec({ width: 64, steps: 1_000_000 }))).coreSeconds;
  const builtIn = await planned();
  const { id } = await client.createExperiment(spec({ width: 512, steps: 16, seeds: 2 }));
  await completed(id);
  // The worker's heartbeat tells what its networks took.
  await until(async () => (await planned()) !== builtIn);
  const rows = await rowsOf(id);
  expect(rows.map(({ depth, seed }) => [depth, seed])).toEqual([
    [1, 0],
    [1, 1],
    [3, 0],
    [3, 1],
  ]);
  const { progress } = await client.getExperiment(id);
  expect(progress.trainings).toEqual({
    total: 4,
    done: 4,
    failed: 0,
    running: 0,
    steps: { total: 64, done: 64 },
  });
  for (const row of rows) {
    expect(row).toMatchObject({ steps: 16, diverged: false, images: 32, testImages: 16, width: 512 });
    const compared = await besideKernel(id, row);
    expect(compared.map(({ time }) => time)).toEqual([4, 8]);
    for (const { time, train, test } of compared) {
      expect(Math.abs(test - 1)).toBeLessThan(0.1);
      // A finite network's fast directions are a little faster or slower, which its loss shows exponentially.
      if (time === 4) expect(Math.abs(Math.log(train))).toBeLessThan(Math.log(2));
    }
  }
  const csv = await (await fetch(`${stack.url}/v1/experiments/${id}/trainings.csv?depth=3&seed=1`)).text();
  expect(csv.split('\n')[0]).toMatch(/^weightVariance,biasVariance,depth,seed,width,/);
  expect(csv.trim().split('\n')).toHaveLength(1 + (rows[3]?.scores.length ?? 0));

  const file = join(stack.dataDir, 'networks.tar');
  await client.saveArchive(id, file);
  await client.deleteExperiment(id);
  await client.restoreArchive(file);
  expect(await rowsOf(id)).toEqual(rows);
  expect((await client.getExperiment(id)).progress.trainings).toEqual(progress.trainings);
}, 300_000);

/** 20 training and 10 test images of 4 x 4 x 3 in two classes: noise that is brighter at one corner or at another. */
function smallImages(): Uint8Array<ArrayBuffer> {
  let state = 5;
  const split = (count: number) => {
    const values = Uint8Array.from({ length: count * 48 }, (_, at) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const [image, row, column] = [Math.floor(at / 48), Math.floor(at / 12) % 4, Math.floor(at / 3) % 4];
      const isBright = image % 2 === 0 ? row < 2 && column < 2 : row > 1 && column > 1;
      return (isBright ? 90 : 0) + (state >>> 25);
    });
    return {
      x: { values, shape: [count, 4, 4, 3] },
      y: { values: Uint8Array.from({ length: count }, (_, image) => image % 2), shape: [count] },
    };
  };
  const [train, test] = [split(20), split(10)];
  return npz({ x_train: train.x, y_train: train.y, x_test: test.x, y_test: test.y });
}

it.each([
  ['cnn-flatten', 'circular', 'erf'],
  ['cnn-gap', 'same', 'relu'],
] as const)(
  'trains %s networks with %s padding and %s, near what their kernels predict',
  async (family, padding, name) => {
    await client.putDataset('small', smallImages());
    const { id } = await client.createExperiment({
      ...spec({ width: 128, steps: 8 }),
      dataset: { id: 'small', train: 20, test: 10, normalization: 'unit-sphere' },
      architecture: { family, padding, activation: { name } },
      grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [1, 2] },
      analysis: { dynamics: { times: [4] } },
    });
    await completed(id);
    const rows = await rowsOf(id);
    expect(rows.map(({ depth, steps, diverged }) => [depth, steps, diverged])).toEqual([
      [1, 8, false],
      [2, 8, false],
    ]);
    for (const row of rows) {
      // One width of 128: within 16% here. The two families' own losses are a factor of ten apart.
      for (const { train, test } of await besideKernel(id, row)) {
        expect(Math.abs(Math.log(train))).toBeLessThan(Math.log(1.35));
        expect(Math.abs(Math.log(test))).toBeLessThan(Math.log(1.35));
      }
    }
  },
  300_000,
);

const long = { width: 256, steps: 800, depths: [1], batch: 8 };

it('goes on from the checkpoint of a killed worker, to the same bits; a damaged or foreign one is passed over', async () => {
  const folder = (id: string) => join(stack.dataDir, 'experiments', `${id}.tmp`, '0', 'training');
  const checkpoint = (id: string) =>
    until(async () => {
      const names = await readdir(folder(id)).catch(() => []);
      const found = names.find((name) => name.endsWith('.checkpoint'));
      return found && join(folder(id), found);
    });
  const { id } = await client.createExperiment(spec(long));
  const file = await checkpoint(id);
  process.kill((await stack.pids())['worker-1'] as number, 'SIGKILL');
  const bytes = await readFile(file);
  // Of another generation's name: cut short, and of another network.
  await writeFile(join(folder(id), '0.g90.checkpoint'), bytes.subarray(0, bytes.length - 100));
  await writeFile(join(folder(id), '1.g1.checkpoint'), bytes);
  await completed(id);
  const [resumed] = await rowsOf(id);
  const whole = await client.createExperiment(spec(long));
  await completed(whole.id);
  const [uninterrupted] = await rowsOf(whole.id);
  expect(resumed?.scores).toEqual(uninterrupted?.scores);
  expect(resumed?.resumedFrom).toBeGreaterThan(0);
  expect(uninterrupted?.resumedFrom).toBe(0);
}, 300_000);

it('tells the steps as it goes, and is cancelled in the middle of it', async () => {
  const { id } = await client.createExperiment(spec({ ...long, steps: 1_000_000 }));
  const trainings = await until(async () => {
    const { progress } = await client.getExperiment(id);
    return (progress.trainings?.steps.done ?? 0) > 0 && progress.trainings;
  });
  expect(trainings).toMatchObject({ total: 1, done: 0, running: 1, steps: { total: 1_000_000 } });
  const asked = performance.now();
  await client.cancelExperiment(id);
  await until(async () => (await client.getExperiment(id)).state === 'cancelled');
  const stoppedMs = performance.now() - asked;
  expect(stoppedMs).toBeLessThan(10_000);
  console.log(`cancelled after ${Math.round(stoppedMs)} ms`);
}, 300_000);
