/** Goldens through the real path: upload -> API -> queue -> worker -> Zarr -> .npy. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { startStack, type TestStack } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cifarImages, npz } from './cifar-upload.js';
import { fetchArray, readFloats, relativeError } from './compare.js';

const goldens = process.env.TESSERA_GOLDENS_DIR;
const cifar = process.env.TESSERA_CIFAR10_DIR;
const missing =
  goldens && cifar ? '' : ' (left out: TESSERA_GOLDENS_DIR and TESSERA_CIFAR10_DIR are not both set)';

interface GoldenCase {
  name: string;
  dataset: {
    trainFile: string;
    trainFirst: number;
    train: number;
    testFile: string;
    testFirst: number;
    test: number;
    size?: number;
    normalization: string;
  };
  architecture: Record<string, unknown>;
  weightVariance: number;
  biasVariance: number;
  depth: number[];
}

describe.skipIf(missing)(`goldens through the stack${missing}`, () => {
  let stack: TestStack;
  let client: TesseraClient;
  let cases: GoldenCase[];
  beforeAll(async () => {
    stack = await startStack();
    client = new TesseraClient(stack.url);
    cases = JSON.parse(await readFile(join(goldens as string, 'cases', 'manifest.json'), 'utf8')).cases;
  });
  afterAll(() => stack?.stop());

  async function run(golden: GoldenCase, precision: 'f64' | 'f32'): Promise<string> {
    const { dataset, architecture } = golden;
    const size = dataset.size ?? 32;
    const train = await cifarImages(
      cifar as string,
      dataset.trainFile,
      dataset.trainFirst,
      dataset.train,
      size,
    );
    const test = await cifarImages(cifar as string, dataset.testFile, dataset.testFirst, dataset.test, size);
    const id = `golden-${golden.name}`;
    await client.putDataset(
      id,
      npz({
        x_train: { values: train.images, shape: [dataset.train, size, size, 3] },
        y_train: { values: train.labels, shape: [dataset.train] },
        x_test: { values: test.images, shape: [dataset.test, size, size, 3] },
        y_test: { values: test.labels, shape: [dataset.test, 1] },
      }),
    );
    const spec = {
      name: golden.name,
      dataset: { id, train: dataset.train, test: dataset.test, normalization: dataset.normalization },
      architecture,
      grid: {
        weightVariance: [golden.weightVariance],
        biasVariance: [golden.biasVariance],
        depth: golden.depth,
      },
      kernels: ['ntk', 'nngp'],
      precision,
      tileSize: 10,
      keep: { kernels: 'all' },
    } as unknown as ExperimentSpecInput;
    const made = await client.createExperiment(spec);
    const ended = await client.waitFor(made.id);
    expect(ended).toMatchObject({ state: 'completed', error: null });
    return made.id;
  }

  const chosen: [name: string, tolerance: number][] = [
    ['fcn-erf-chaotic', 1e-12],
    ['fcn-relu-critical', 2e-9],
    ['cnn-flatten-circular-gelu-8x8', 1e-12],
    ['cnn-gap-same-erf-filter5-8x8', 1e-12],
  ];
  it.each(chosen)('%s comes back as the golden says, in f64', async (name, tolerance) => {
    const golden = cases.find((candidate) => candidate.name === name);
    if (!golden) throw new Error(`no golden ${name}`);
    const id = await run(golden, 'f64');
    for (const array of ['ntk_train_train', 'nngp_train_train', 'ntk_test_train', 'nngp_test_train']) {
      const expected = readFloats(await readFile(join(goldens as string, 'cases', name, `${array}.npy`)));
      for (const [depthIndex] of golden.depth.entries()) {
        const actual = await fetchArray(client, id, array, {
          weightVariance: golden.weightVariance,
          biasVarianceIndex: 0,
          depthIndex,
        });
        const size = actual.values.length;
        expect(actual.shape).toEqual(expected.shape.slice(1));
        const wanted = expected.values.subarray(depthIndex * size, (depthIndex + 1) * size);
        expect(
          relativeError(actual.values, wanted),
          `${array} at depth ${golden.depth[depthIndex]}`,
        ).toBeLessThanOrEqual(tolerance);
      }
    }
  });

  it('the golden that overflows f32 completes in f64, and in f32 is reported as overflow at its depths', async () => {
    const golden = cases.find((candidate) => candidate.name === 'fcn-relu-chaotic-overflow');
    if (!golden) throw new Error('no overflowing golden');
    const exact = await client.listAnalyses(await run(golden, 'f64'), { limit: 1000 });
    expect(exact.items.every((row) => row.status !== 'overflow')).toBe(true);
    const id = await run(golden, 'f32');
    const { items } = await client.listAnalyses(id, { limit: 1000 });
    const overflowed = items.filter((row) => row.status === 'overflow');
    expect(overflowed.length).toBeGreaterThan(0);
    expect(overflowed.length).toBeLessThan(items.length);
    for (const row of overflowed) {
      expect(row.lambdaMax).toBeNull();
      expect(row.warnings.join(' ')).toMatch(/\S/);
    }
    const kept = await fetchArray(client, id, `${overflowed[0]?.kernel}_train_train`, {});
    expect(kept.values.some((value) => Number.isNaN(value))).toBe(true);
    expect(kept.values.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY)).toBe(false);
    const shallow = Math.min(...overflowed.map((row) => row.depth));
    for (const row of items)
      if (row.depth >= shallow && row.kernel === overflowed[0]?.kernel) expect(row.status).toBe('overflow');
  });
});
