/** deep.json (250-digit arithmetic, depths to 1000, condition numbers to 7e137) through the API. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import type { Activation, KernelName } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cifarImages, npz } from '../cifar-upload.js';
import { fetchArray } from '../compare.js';
import { eachError, kernels, WorstErrors } from './references.js';

const goldens = process.env.TESSERA_GOLDENS_DIR;
const cifar = process.env.TESSERA_CIFAR10_DIR;
const missing =
  goldens && cifar ? '' : ' (left out: TESSERA_GOLDENS_DIR and TESSERA_CIFAR10_DIR are not both set)';
const tolerance = 1e-11;
const images = 8;

/** Numbers as decimal text; eigenvalues descending. */
interface DeepCase {
  name: string;
  activation: string;
  weightVariance: string;
  biasVariance: string;
  depths: (Record<KernelName, { eigenvalues: string[]; kappa: string }> & { depth: number })[];
}
const caseNames = ['erf-ordered', 'erf-ordered-deep', 'erf-chaotic', 'relu-critical', 'relu-ordered'];

describe.skipIf(missing)(`deep goldens through the stack${missing}`, () => {
  let stack: TestStack;
  let client: TesseraClient;
  let cases: DeepCase[];
  beforeAll(async () => {
    stack = await startStack();
    client = new TesseraClient(stack.url);
    cases = JSON.parse(await readFile(join(goldens as string, 'deep.json'), 'utf8')).cases;
    const train = await cifarImages(cifar as string, 'data_batch_1.bin', 0, images);
    const shape = [images, 32, 32, 3];
    await client.putDataset(
      'deep',
      npz({
        x_train: { values: train.images, shape },
        y_train: { values: train.labels, shape: [images] },
        x_test: { values: train.images, shape },
        y_test: { values: train.labels, shape: [images] },
      }),
    );
  });
  afterAll(() => stack?.stop());

  it('are the cases that are tested here', () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(caseNames.toSorted());
  });

  it.each(caseNames)('%s: every eigenvalue and kappa at every depth, both kinds', async (name) => {
    const golden = cases.find((candidate) => candidate.name === name);
    if (!golden) throw new Error(`no deep golden ${name}`);
    const { id } = await client.createExperiment({
      name: `deep ${name}`,
      dataset: { id: 'deep', train: images, test: 0, normalization: 'unit-sphere' },
      architecture: { family: 'fcn', activation: { name: golden.activation } as Activation },
      grid: {
        weightVariance: [Number(golden.weightVariance)],
        biasVariance: [Number(golden.biasVariance)],
        depth: golden.depths.map(({ depth }) => depth),
      },
      kernels: ['nngp', 'ntk'],
    });
    expect(await client.waitFor(id)).toMatchObject({ state: 'completed', error: null });
    const { items } = await client.listAnalyses(id, { limit: 1000 });
    const worst = new WorstErrors();
    for (const row of golden.depths) {
      for (const kernel of kernels) {
        const place = `${kernel}, depth ${row.depth}`;
        const expected = row[kernel].eigenvalues.map(Number).reverse();
        const { values } = await fetchArray(client, id, `${kernel}_eigenvalues`, {
          weightVariance: Number(golden.weightVariance),
          biasVariance: Number(golden.biasVariance),
          depth: row.depth,
        });
        worst.add('eigenvalues', place, eachError(values, expected));
        const analysis = items.find((item) => item.kernel === kernel && item.depth === row.depth);
        worst.add('kappa', place, eachError([analysis?.kappa ?? Number.NaN], [Number(row[kernel].kappa)]));
      }
    }
    console.log(`${name}: ${worst}`);
    expect(worst.above(tolerance)).toEqual([]);
  });
});
