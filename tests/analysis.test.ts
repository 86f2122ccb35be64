/** Spectra, regression and dynamics of a run against scipy on the matrices it returned. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import type { AnalysisRow, ExperimentSpecInput } from '@tessera/spec';
import { startStack, type TestStack, testPython } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchArray } from './compare.js';

const python = testPython();

interface Scores {
  train: { accuracy: number; loss: number };
  test: { accuracy: number; loss: number };
}
interface ScipyRow {
  kernel: 'ntk' | 'nngp';
  depthIndex: number;
  eigenvalues: number[];
  trace: number;
  dynamics: Scores[];
  regression: Scores[];
  meanPredictorNorm: number;
}

const depths = [1, 3, 8];
const times = [512, 1, 8, 0];
const diagReg = [0.1, 0, 1e-3];
const spec: ExperimentSpecInput = {
  name: 'against scipy',
  dataset: { id: process.env.TESSERA_CIFAR10_DIR ? 'cifar10' : 'synthetic', train: 100, test: 150, seed: 7 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1, 2.5], biasVariance: [0.18], depth: depths },
  kernels: ['nngp', 'ntk'],
  analysis: { regression: { diagReg }, dynamics: { times } },
  keep: { kernels: 'all', predictions: true },
};

describe.skipIf(!python)(`analyses against scipy${python ? '' : ' (left out: no Python with scipy)'}`, () => {
  let stack: TestStack;
  let client: TesseraClient;
  const folder = mkdtempSync(join(tmpdir(), 'tessera-scipy-'));
  let id: string;
  const labels: Record<'train' | 'test', number[]> = { train: [], test: [] };

  beforeAll(async () => {
    stack = await startStack();
    client = new TesseraClient(stack.url);
    ({ id } = await client.createExperiment(spec));
    expect(await client.waitFor(id)).toMatchObject({ state: 'completed' });
    for (const split of ['train', 'test'] as const) labels[split] = await labelsOf(split);
  });
  afterAll(async () => {
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The label of each chosen image: the class whose target is above the others' is not stored, so it is read again. */
  async function labelsOf(split: 'train' | 'test'): Promise<number[]> {
    const { openDataset, selectImages } = await import('@tessera/dataset');
    const { openFolderStore } = await import('@tessera/store');
    const made = await client.getExperiment(id);
    const dataset = await openDataset(
      await openFolderStore(stack.dataDir),
      (await client.getDataset(made.spec.dataset.id)).sha256,
    );
    const all = await dataset.labels(split);
    return [...selectImages(dataset, made.spec.dataset)[split]].map((index) => all[index] as number);
  }

  it.each([1, 2.5])('every number of every row at weight variance %s', async (weightVariance) => {
    for (const kind of ['ntk', 'nngp']) {
      for (const block of ['train_train', 'test_train']) {
        const response = await client.openArray(id, `${kind}_${block}`, {
          weightVariance,
          biasVariance: 0.18,
        });
        writeFileSync(join(folder, `${kind}_${block}.npy`), Buffer.from(await response.arrayBuffer()));
      }
    }
    const request = {
      classes: 10,
      kernels: ['nngp', 'ntk'],
      labels: 'centered',
      times,
      diagReg,
      trainLabels: labels.train,
      testLabels: labels.test,
    };
    writeFileSync(join(folder, 'request.json'), JSON.stringify(request));
    const script = fileURLToPath(new URL('./analysis.py', import.meta.url));
    const expected: ScipyRow[] = JSON.parse(
      execFileSync(python as string, [script, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
    );
    const { items } = await client.listAnalyses(id, { weightVariance });
    expect(items.map((row) => [row.kernel, row.depth])).toEqual(
      expected.map((row) => [row.kernel, depths[row.depthIndex]]),
    );
    for (const [index, row] of items.entries())
      await compare(row, expected[index] as ScipyRow, weightVariance);
  });

  async function compare(row: AnalysisRow, scipy: ScipyRow, weightVariance: number): Promise<void> {
    const lambdaMax = scipy.eigenvalues.at(-1) as number;
    const { values } = await fetchArray(client, id, `${row.kernel}_eigenvalues`, {
      weightVariance,
      biasVariance: 0.18,
      depth: row.depth,
    });
    for (const [i, eigenvalue] of scipy.eigenvalues.entries()) {
      expect(Math.abs((values[i] as number) - eigenvalue)).toBeLessThanOrEqual(1e-10 * lambdaMax);
    }
    const bulk =
      scipy.eigenvalues.slice(0, -1).reduce((sum, value) => sum + value, 0) / (scipy.eigenvalues.length - 1);
    close(row.lambdaMax, lambdaMax, 1e-10);
    close(row.kappa, lambdaMax / bulk, 1e-8);
    close(row.maxLearningRate, 2 / lambdaMax, 1e-10);
    close(row.trace, scipy.trace, 1e-12);
    close(row.meanPredictorNorm, scipy.meanPredictorNorm, 1e-8);
    expect(row.dynamics.map((scores) => scores.time)).toEqual(times);
    expect(row.regression.map((scores) => scores.diagReg)).toEqual(diagReg);
    for (const [ours, theirs] of [
      ...zip(row.dynamics, scipy.dynamics),
      ...zip(row.regression, scipy.regression),
    ]) {
      expect([ours.trainAccuracy, ours.testAccuracy]).toEqual([theirs.train.accuracy, theirs.test.accuracy]);
      close(ours.trainLoss, theirs.train.loss, 1e-8);
      close(ours.testLoss, theirs.test.loss, 1e-8);
    }
  }
});

function zip<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  expect(left.length).toBe(right.length);
  return left.map((value, index) => [value, right[index] as B]);
}

/** Within a relative tolerance; 0 (a perfect fit) within the same number absolutely. */
function close(actual: number | null, expected: number, tolerance: number): void {
  expect(actual).not.toBeNull();
  expect(Math.abs((actual as number) - expected)).toBeLessThanOrEqual(
    tolerance * Math.max(Math.abs(expected), 1e-6),
  );
}
