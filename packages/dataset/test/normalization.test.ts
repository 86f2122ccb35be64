import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkNormalization, importNpz, openDataset, openSubset } from '../src/index.js';
import { bytes, npy, npz } from './npz-files.js';
import { openScratch } from './scratch.js';

type Values = Uint8Array | Float32Array | Float64Array;

/** A stored data set of vectors: `rows` training images, the others test images. */
async function datasetOf(values: Values, inputs: number, rows: number) {
  const { store, file } = await openScratch();
  const descr = values instanceof Uint8Array ? "'|u1'" : values instanceof Float32Array ? "'<f4'" : "'<f8'";
  const array = (part: Values) =>
    npy(descr, `(${part.length / inputs}, ${inputs})`, part instanceof Uint8Array ? part : bytes(part));
  const labels = (n: number) => npy("'|u1'", `(${n},)`, new Uint8Array(n));
  const [train, test] = [values.subarray(0, rows * inputs), values.subarray(rows * inputs)];
  const archive = npz({
    'x_train.npy': array(train),
    'y_train.npy': labels(rows),
    ...(test.length > 0 ? { 'x_test.npy': array(test), 'y_test.npy': labels(test.length / inputs) } : {}),
  });
  const { sha256 } = await importNpz(store, await file('upload.npz', archive));
  return openDataset(store, sha256);
}

const all = (
  train: number,
  test: number,
  normalization: 'standardize' | 'unit-sphere' | 'scale' | 'none',
) => ({
  train,
  test,
  seed: null,
  normalization,
});

describe('standardize', () => {
  it('uses the mean and population deviation of the chosen training images, for test images too', async () => {
    // Chosen: 0, 0, 4, 4: mean 2, deviation 2. Not chosen: 100, 100.
    const dataset = await datasetOf(Uint8Array.of(0, 4, 4, 0, 100, 100, 6, 2), 2, 3);
    const subset = await openSubset(dataset, all(2, 1, 'standardize'));
    expect([...(await subset.block('train', 0, 2)).data]).toEqual([-1, 1, 1, -1]);
    expect([...(await subset.block('test', 0, 1)).data]).toEqual([2, 0]);
  });

  it('gives mean 0 and variance 1, whatever the dtype', async () => {
    const random = fc.sample(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { numRuns: 600, seed: 1 });
    for (const values of [
      Float64Array.from(random),
      Float32Array.from(random),
      Uint8Array.from(random.map(Math.abs)),
    ]) {
      const subset = await openSubset(await datasetOf(values, 6, 100), all(100, 0, 'standardize'));
      const { data } = await subset.block('train', 0, 100);
      const mean = data.reduce((sum, v) => sum + v, 0) / 600;
      const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 600;
      expect(Math.abs(mean)).toBeLessThan(1e-13);
      expect(Math.abs(variance - 1)).toBeLessThan(1e-13);
    }
  });

  it('of floats far from 0 loses no digits to the sum', async () => {
    const values = Float64Array.from({ length: 1000 }, (_, i) => 1e8 + (i % 2));
    const subset = await openSubset(await datasetOf(values, 10, 100), all(100, 0, 'standardize'));
    expect([...(await subset.block('train', 0, 1)).data].slice(0, 2)).toEqual([-1, 1]);
  });

  it('is refused where all training pixels are equal', async () => {
    const dataset = await datasetOf(Uint8Array.of(7, 7, 7, 7, 1, 2), 2, 2);
    const refusal = {
      code: 'invalid-spec',
      problems: [
        {
          pointer: '/dataset/normalization',
          message: expect.stringMatching(/all pixels of the 2 training images are 7/),
        },
      ],
    };
    await expect(openSubset(dataset, all(2, 1, 'standardize'))).rejects.toMatchObject(refusal);
    await expect(checkNormalization(dataset, all(2, 1, 'standardize'))).rejects.toMatchObject(refusal);
  });

  it('is refused where equal floats have a mean that rounds', async () => {
    const dataset = await datasetOf(new Float64Array(6).fill(0.1), 2, 3);
    await expect(openSubset(dataset, all(3, 0, 'standardize'))).rejects.toMatchObject({
      code: 'invalid-spec',
    });
  });

  it('is refused where the variance overflows', async () => {
    const dataset = await datasetOf(Float64Array.of(1e300, -1e300), 1, 2);
    await expect(openSubset(dataset, all(2, 0, 'standardize'))).rejects.toMatchObject({
      code: 'invalid-spec',
    });
  });
});

describe('unit-sphere', () => {
  it('subtracts the mean of each image and scales it to the squared norm of its inputs', async () => {
    const dataset = await datasetOf(Uint8Array.of(1, 3, 5, 7, 0, 0, 0, 9, 2, 4, 4, 2), 4, 2);
    const subset = await openSubset(dataset, all(2, 1, 'unit-sphere'));
    for (const [split, count] of [
      ['train', 2],
      ['test', 1],
    ] as const) {
      const { data } = await subset.block(split, 0, count);
      for (let image = 0; image < count; image++) {
        const own = data.subarray(4 * image, 4 * image + 4);
        expect(own.reduce((sum, v) => sum + v, 0)).toBeCloseTo(0, 14);
        expect(own.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(4, 14);
      }
    }
    const { data } = await subset.block('test', 0, 1);
    expect([...data]).toEqual([-1, 1, 1, -1]);
  });

  it('is refused for a constant image, which it names', async () => {
    const dataset = await datasetOf(Float64Array.of(1, 2, 3, 4, 0.1, 0.1, 5, 6), 2, 2);
    const choice = all(2, 2, 'unit-sphere');
    const refusal = {
      code: 'invalid-spec',
      problems: [
        { pointer: '/dataset/normalization', message: expect.stringMatching(/test image 0 is constant/) },
      ],
    };
    await expect(checkNormalization(dataset, choice)).rejects.toMatchObject(refusal);
    const subset = await openSubset(dataset, choice);
    await expect(subset.block('test', 0, 2)).rejects.toMatchObject(refusal);
    await expect(subset.block('test', 1, 1)).resolves.toMatchObject({ count: 1 });
  });
});

it('scale divides by 255', async () => {
  const subset = await openSubset(await datasetOf(Uint8Array.of(0, 51, 255), 3, 1), all(1, 0, 'scale'));
  expect([...(await subset.block('train', 0, 1)).data]).toEqual([0, 0.2, 1]);
});

it('none leaves pixels as they are', async () => {
  const values = Float32Array.of(1.5, -2.25, 3);
  const subset = await openSubset(await datasetOf(values, 3, 1), all(1, 0, 'none'));
  expect([...(await subset.block('train', 0, 1)).data]).toEqual([...values]);
});
