/** One reference of each family through the API: upload, tiles, store, spectrum and scores. */
import { TesseraClient } from '@tessera/client';
import type { Architecture, Normalization } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npz } from '../cifar-upload.js';
import { fetchArray } from '../compare.js';
import {
  blockError,
  cnnFixture,
  eachError,
  fcnFixture,
  kappaOf,
  kernels,
  type ReferenceAnalysis,
  type ReferenceKernel,
  WorstErrors,
} from './references.js';

const tolerance = 1e-8;

interface Run {
  name: string;
  architecture: Pick<Architecture, 'family' | 'activation'> & Partial<Architecture>;
  weightVariance: number;
  biasVariance: number;
  normalization: Normalization;
  images: number[][];
  shape: number[];
  trainLabels: number[];
  testLabels: number[];
  rows: { depth: number; nngp: ReferenceKernel; ntk: ReferenceKernel }[];
  analysis?: { times: number[]; diagReg: number[] };
}

const fcn = fcnFixture();
const cnn = cnnFixture();

function fcnRun(name: string): Run {
  const found = fcn.cases.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no reference ${name}`);
  const { activation, normalization, rows, weightVariance, biasVariance } = found;
  const images = fcn.images[normalization];
  const { times, diagReg } = fcn;
  const network = { name: `fcn ${name}`, weightVariance, biasVariance, normalization, images, rows };
  return { ...fcn, ...network, architecture: { family: 'fcn', activation }, analysis: { times, diagReg } };
}

function cnnRun(family: 'cnn-flatten' | 'cnn-gap', name: string): Run {
  const found = cnn.cases.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no reference ${name}`);
  const { activation, padding, weightVariance, biasVariance } = found;
  const rows = found.rows.map((row) => ({ depth: row.depth, ...row[family] }));
  const network = { name: `${family} ${name}`, weightVariance, biasVariance, rows };
  const architecture = { family, activation, padding, filterSize: cnn.filterSize };
  return { ...cnn, ...network, normalization: 'standardize', architecture };
}

const runs: Run[] = [
  fcnRun('erf-ordered'),
  fcnRun('relu-ordered'),
  cnnRun('cnn-flatten', 'erf-ordered-same'),
  cnnRun('cnn-gap', 'relu-ordered-same'),
];

describe('high-precision references through the stack', () => {
  let stack: TestStack;
  let client: TesseraClient;
  beforeAll(async () => {
    stack = await startStack();
    client = new TesseraClient(stack.url);
  });
  afterAll(() => stack?.stop());

  it.each(runs.map((run) => [run.name, run] as const))('%s', async (name, run) => {
    const { trainLabels, testLabels, images, shape, analysis } = run;
    const dataset = `deep-${run.name.replaceAll(' ', '-')}`;
    const split = (from: number, labels: number[]) => ({
      x: {
        values: Uint8Array.from(images.slice(from, from + labels.length).flat()),
        shape: [labels.length, ...shape],
      },
      y: { values: Uint8Array.from(labels), shape: [labels.length] },
    });
    const [train, test] = [split(0, trainLabels), split(trainLabels.length, testLabels)];
    await client.putDataset(
      dataset,
      npz({ x_train: train.x, y_train: train.y, x_test: test.x, y_test: test.y }),
    );
    const { id } = await client.createExperiment({
      name,
      dataset: {
        id: dataset,
        train: trainLabels.length,
        test: testLabels.length,
        normalization: run.normalization,
      },
      architecture: run.architecture,
      grid: {
        weightVariance: [run.weightVariance],
        biasVariance: [run.biasVariance],
        depth: run.rows.map(({ depth }) => depth),
      },
      kernels: ['nngp', 'ntk'],
      // Several tiles a matrix, the last ones ragged.
      tileSize: 3,
      ...(analysis && {
        analysis: { regression: { diagReg: analysis.diagReg }, dynamics: { times: analysis.times } },
      }),
    });
    expect(await client.waitFor(id)).toMatchObject({ state: 'completed', error: null });
    const { items } = await client.listAnalyses(id, { limit: 1000 });
    const worst = new WorstErrors();
    for (const expected of run.rows) {
      for (const kernel of kernels) {
        const add = (quantity: string, actual: ArrayLike<number>, wanted: number[], error = eachError) =>
          worst.add(quantity, `${kernel}, depth ${expected.depth}`, error(actual, wanted));
        const { eigenvalues, mean, ...scores } = expected[kernel] as ReferenceKernel &
          Partial<ReferenceAnalysis>;
        const { values } = await fetchArray(client, id, `${kernel}_eigenvalues`, {
          weightVariance: run.weightVariance,
          biasVariance: run.biasVariance,
          depth: expected.depth,
        });
        add('eigenvalues', values, eigenvalues);
        const row = items.find((item) => item.kernel === kernel && item.depth === expected.depth);
        add('kappa', [row?.kappa ?? Number.NaN], [kappaOf(eigenvalues)]);
        add('mean predictor norm', [row?.meanPredictorNorm ?? Number.NaN], [meanPredictorNorm(run, mean)]);
        for (const group of ['regression', 'dynamics'] as const) {
          scores[group]?.forEach((wanted, i) => {
            const found = row?.[group][i];
            const losses = [found?.trainLoss ?? Number.NaN, found?.testLoss ?? Number.NaN];
            add(`${group} ${i} losses`, losses, [wanted.trainLoss, testLoss(run, wanted.test)], blockError);
          });
        }
      }
    }
    console.log(`${name}: ${worst}`);
    expect(worst.above(tolerance)).toEqual([]);
  });
});

/** ||P(Theta) Y|| / ||Y_test||, labels centred over the training images. */
function meanPredictorNorm({ trainLabels, testLabels }: Run, mean: readonly number[]): number {
  const classes = mean.length / testLabels.length;
  const shares = Array.from({ length: classes }, (_, c) => {
    return trainLabels.filter((label) => label === c).length / trainLabels.length;
  });
  const targets = testLabels.flatMap((label) => shares.map((share, c) => (c === label ? 1 : 0) - share));
  return Math.hypot(...mean) / Math.hypot(...targets);
}

/** Mean over images of 1/2 |f - Y|^2, labels one-hot minus 1/classes. */
function testLoss({ testLabels }: Run, predictions: readonly number[]): number {
  const classes = predictions.length / testLabels.length;
  const squares = predictions.map((value, i) => {
    const target = (i % classes === testLabels[Math.floor(i / classes)] ? 1 : 0) - 1 / classes;
    return (value - target) ** 2;
  });
  return squares.reduce((sum, value) => sum + value, 0) / 2 / testLabels.length;
}
