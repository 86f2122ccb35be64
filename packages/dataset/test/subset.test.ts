import { beforeEach, describe, expect, it } from 'vitest';
import { type Dataset, importNpz, openDataset, openSubset } from '../src/index.js';
import { countingImages, countingLabels, npz } from './npz-files.js';
import { openScratch } from './scratch.js';

let dataset: Dataset;
let reads: number;

beforeEach(async () => {
  const { store, file } = await openScratch();
  const archive = npz({
    'x_train.npy': countingImages(30),
    'y_train.npy': countingLabels(30),
    'x_test.npy': countingImages(9),
    'y_test.npy': countingLabels(9),
  });
  const opened = await openDataset(store, (await importNpz(store, await file('a.npz', archive))).sha256);
  reads = 0;
  dataset = {
    ...opened,
    pixels: (...asked) => {
      reads += 1;
      return opened.pixels(...asked);
    },
  };
});

const choice = { train: 20, test: 9, seed: null, normalization: 'none' } as const;

describe('a subset', () => {
  it('has the labels and the shape of its images', async () => {
    const subset = await openSubset(dataset, { ...choice, train: { indices: [28, 4, 0] } });
    expect(subset.train).toEqual(Int32Array.of(0, 4, 28));
    expect(subset.trainLabels).toEqual(Int32Array.of(0, 1, 1));
    expect(subset.testLabels.length).toBe(9);
    expect(subset).toMatchObject({ classes: 3, shape: { height: 2, width: 3, channels: 1 } });
  });

  it('has blocks by position: the same pixels however they are cut', async () => {
    const subset = await openSubset(dataset, { ...choice, train: 12, seed: 4, normalization: 'standardize' });
    const whole = await subset.block('train', 0, 12);
    expect(whole).toMatchObject({ count: 12, shape: subset.shape });
    for (const size of [1, 5, 7]) {
      for (let start = 0; start < 12; start += size) {
        const count = Math.min(size, 12 - start);
        const { data } = await subset.block('train', start, count);
        expect(data).toEqual(whole.data.slice(6 * start, 6 * (start + count)));
      }
    }
  });

  it('reads a few training images once, however often they are looked at', async () => {
    const subset = await openSubset(dataset, { ...choice, train: 12, seed: 4, normalization: 'standardize' });
    await subset.block('train', 0, 1);
    await subset.block('train', 0, 12);
    await subset.block('train', 5, 7);
    expect(reads).toBe(1);
    await subset.block('test', 0, 9);
    expect(reads).toBe(2);
  });

  it.each([
    ['standardize', 'shared'],
    ['scale', 'shared'],
    ['none', 'shared'],
    ['unit-sphere', 'own'],
  ] as const)('hands out the bytes that %s made its images of', async (normalization, kind) => {
    const subset = await openSubset(dataset, { ...choice, normalization });
    const { data, bytes, shape } = await subset.block('train', 3, 5);
    const rule = bytes?.normalization;
    expect(rule?.kind).toBe(kind);
    expect(bytes?.pixels).toEqual(await dataset.pixels('train', Int32Array.of(3, 4, 5, 6, 7)));
    if (rule?.kind !== 'shared') return;
    expect(shape).toEqual(dataset.manifest.shape);
    bytes?.pixels.forEach((byte, i) => {
      expect((byte - rule.offset) * rule.factor).toBeCloseTo(data[i] as number, 13);
    });
  });

  it('refuses positions it does not have', async () => {
    const subset = await openSubset(dataset, choice);
    await expect(subset.block('train', 15, 6)).rejects.toMatchObject({ code: 'internal' });
    await expect(subset.block('test', 0, 0)).rejects.toMatchObject({ code: 'internal' });
  });

  it('has keys that differ where the bytes may differ, and agree where they are the same', async () => {
    const keyOf = async (change: object) => (await openSubset(dataset, { ...choice, ...change })).key;
    const keys = await Promise.all([
      keyOf({}),
      keyOf({ train: 19 }),
      keyOf({ test: 8 }),
      keyOf({ seed: 1 }),
      keyOf({ normalization: 'scale' }),
    ]);
    expect(new Set(keys).size).toBe(5);
    expect(await keyOf({ train: { offset: 0, count: 20 } })).toBe(keys[0]);
    const subset = await openSubset(dataset, choice);
    const blockKeys = await Promise.all(
      (
        [
          ['train', 0, 5],
          ['train', 0, 6],
          ['train', 1, 5],
          ['test', 0, 5],
        ] as const
      ).map(async ([split, start, count]) => (await subset.block(split, start, count)).key),
    );
    expect(new Set(blockKeys).size).toBe(4);
  });

  it('reads a block once, also when two ask for it at the same time', async () => {
    const subset = await openSubset(dataset, choice);
    const [first, second] = await Promise.all([subset.block('train', 0, 5), subset.block('train', 0, 5)]);
    expect(first).toBe(second);
    expect(await subset.block('train', 0, 5)).toBe(first);
    expect(reads).toBe(1);
  });

  it('keeps no more than its cache may hold, and forgets what was used longest ago', async () => {
    const block = 3 * 6 * 8;
    const subset = await openSubset(dataset, choice, { cacheBytes: 2 * block });
    await subset.block('test', 0, 3);
    await subset.block('test', 3, 3);
    await subset.block('test', 0, 3);
    await subset.block('test', 6, 3);
    expect(reads).toBe(3);
    await subset.block('test', 0, 3);
    expect(reads).toBe(3);
    await subset.block('test', 3, 3);
    expect(reads).toBe(4);
  });

  it('reads a block again after it could not be read', async () => {
    let fails = true;
    const flaky: Dataset = {
      ...dataset,
      pixels: (...asked) => (fails ? Promise.reject(new Error('disk')) : dataset.pixels(...asked)),
    };
    const subset = await openSubset(flaky, choice);
    await expect(subset.block('train', 0, 5)).rejects.toThrow('disk');
    fails = false;
    await expect(subset.block('train', 0, 5)).resolves.toMatchObject({ count: 5 });
  });
});
