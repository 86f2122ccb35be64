import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrays, findArray } from '../src/arrays.js';
import { chunkKey, type ExperimentLayout } from '../src/experiment-layout.js';
import { floatsOf } from '../src/number-bytes.js';
import { readSlice } from '../src/slice.js';
import type { Selection } from '../src/slice-selection.js';
import type { TileStore } from '../src/tile-store.js';
import {
  boxOf,
  collect,
  makeLayout,
  type PlainArray,
  randomArrays,
  smallSizes,
  temporaryStore,
  writeExperiment,
} from './experiment-fixture.js';

const missingKernel = 3;

describe.each(['f64', 'f32'] as const)(
  'slices of an experiment in %s with one kernel missing',
  (precision) => {
    const layout = makeLayout({ ...smallSizes, precision });
    const all = randomArrays(layout);
    let store: TileStore;
    let remove: () => Promise<void>;
    beforeAll(async () => {
      ({ store, remove } = await temporaryStore());
      await writeExperiment(store, layout, all, [missingKernel]);
    });
    afterAll(() => remove());

    it('are the whole arrays when nothing is selected', async () => {
      for (const [name, array] of all) {
        const slice = readSlice(store, layout, name, {});
        expect(slice.shape).toEqual(array.shape);
        expect(await valuesOf(slice)).toEqual(array.data);
      }
    });

    const selectionOf = (shape: readonly number[]) =>
      fc.tuple(
        ...shape.map((length) =>
          fc.oneof(
            fc.constant(null),
            fc.nat(length - 1),
            fc
              .tuple(fc.nat(length), fc.nat(length))
              .map(([a, b]) => ({ start: Math.min(a, b), stop: Math.max(a, b) })),
          ),
        ),
      );

    it('agree with the array in memory for any indices and ranges, whatever the size of a piece', async () => {
      const cases = [...all].map(([name, { shape }]) =>
        fc.record({
          name: fc.constant(name),
          chosen: selectionOf(shape),
          pieceBytes: fc.constantFrom(1, 8, 50, 300, 1e6),
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.oneof(...cases), async ({ name, chosen, pieceBytes }) => {
          const array = all.get(name) as PlainArray;
          const { dimensions } = findArray(layout, name);
          const selection: Selection = Object.fromEntries(
            dimensions.flatMap((dimension, axis) => {
              const choice = chosen[axis] ?? null;
              return choice === null ? [] : [[dimension, choice]];
            }),
          );
          const ranges = chosen.map((choice, axis) =>
            typeof choice === 'number'
              ? { start: choice, stop: choice + 1 }
              : (choice ?? { start: 0, stop: array.shape[axis] as number }),
          );
          const extent = ranges.map(({ start, stop }) => stop - start);
          const slice = readSlice(store, layout, name, selection, { pieceBytes });
          expect(slice.shape).toEqual(extent.filter((_, axis) => typeof chosen[axis] !== 'number'));
          expect(await valuesOf(slice)).toEqual(
            boxOf(
              array,
              ranges.map(({ start }) => start),
              extent,
            ),
          );
        }),
        { numRuns: 300 },
      );
    });

    it('come in pieces no larger than asked for, down to one row', async () => {
      const item = precision === 'f64' ? 8 : 4;
      const sizes: number[] = [];
      const slice = readSlice(store, layout, 'ntk_train_train', {}, { pieceBytes: 2 * 7 * item });
      for await (const piece of slice.stream()) sizes.push(piece.byteLength);
      expect(Math.max(...sizes)).toBe(2 * 7 * item);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(slice.byteLength);
    });

    it('read NaN where a kernel is not finished, and its neighbours as they are', async () => {
      const values = await valuesOf(readSlice(store, layout, 'kappa', { kernel: 0, depth: 1 }));
      expect([...values].map(Number.isNaN)).toEqual(
        [0, 1, 2, 3, 4, 5].map((kernel) => kernel === missingKernel),
      );
    });

    it('of a coordinate are its numbers', async () => {
      const slice = readSlice(store, layout, 'train_2', { train_2: { start: 1, stop: 3 } });
      expect(slice.dtype).toBe('<i4');
      const bytes = await collect(slice.stream());
      expect([bytes.readInt32LE(0), bytes.readInt32LE(4), bytes.byteLength]).toEqual([3, 5, 8]);
    });

    it('end with corrupt-chunk at a damaged chunk, and read what does not touch it', async () => {
      const key = chunkKey(layout.id, 'ntk_train_train', [0, 0, 0, 1, 2]);
      const bytes = await store.get(key);
      const damaged = Buffer.from(bytes);
      damaged[5] = (damaged[5] as number) ^ 1;
      await store.put(key, damaged);
      const slice = readSlice(store, layout, 'ntk_train_train', { weight_variance: 0 });
      await expect(collect(slice.stream())).rejects.toMatchObject({ code: 'corrupt-chunk' });
      await collect(readSlice(store, layout, 'ntk_train_train', { weight_variance: 0, depth: 1 }).stream());
      await store.put(key, bytes);
    });

    it('are refused with every problem when the selection does not fit', () => {
      const selection = {
        depth: 3,
        weight_variance: -1,
        train: { start: 2, stop: 1 },
        train_2: 0.5,
        eigenvalue: 0,
      };
      let thrown: unknown;
      try {
        readSlice(store, layout, 'nngp_train_train', selection);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'invalid-request' });
      const pointers = (thrown as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer);
      expect(pointers).toEqual(['/eigenvalue', '/weightVariance', '/depth', '/train', '/train2']);
      expect(() => readSlice(store, layout, 'kernel', {})).toThrow(
        expect.objectContaining({ code: 'invalid-request' }),
      );
    });
  },
);

async function valuesOf(slice: ReturnType<typeof readSlice>): Promise<Float64Array> {
  const bytes = await collect(slice.stream());
  expect(bytes.byteLength).toBe(slice.byteLength);
  return Float64Array.from(floatsOf(bytes, slice.dtype as '<f8' | '<f4'));
}

describe('the arrays of an experiment', () => {
  const names = (layout: ExperimentLayout) =>
    arrays(layout)
      .filter(({ role }) => role !== 'coordinate')
      .map(({ name }) => name);

  it('follow what the spec keeps; the rest is not-kept', () => {
    const none = makeLayout(smallSizes, { kernels: 'none', predictions: false });
    expect(names(none)).not.toContain('ntk_train_train');
    for (const name of ['ntk_train_train', 'nngp_test_train', 'predictions', 'predictions_ridge']) {
      expect(() => findArray(none, name)).toThrow(expect.objectContaining({ code: 'not-kept' }));
    }
    const train = makeLayout(smallSizes, { kernels: 'train', predictions: false });
    expect(findArray(train, 'ntk_train_train').shape).toEqual([3, 2, 3, 7, 7]);
    expect(() => findArray(train, 'ntk_test_train')).toThrow(expect.objectContaining({ code: 'not-kept' }));
    expect(() => findArray(train, 'nonsense')).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('are those of the design, with its dimensions', () => {
    const dimensions = Object.fromEntries(
      arrays(makeLayout(smallSizes)).map(({ name, dimensions }) => [name, dimensions]),
    );
    const grid = ['weight_variance', 'bias_variance', 'depth'];
    expect(dimensions).toMatchObject({
      ntk_train_train: [...grid, 'train', 'train_2'],
      ntk_train_train_complement: [...grid, 'train', 'train_2'],
      ntk_train_variance: [...grid, 'train'],
      nngp_test_train: [...grid, 'test', 'train'],
      ntk_eigenvalues: [...grid, 'eigenvalue'],
      kappa: ['kernel', ...grid],
      mean_predictor_norm: ['kernel', ...grid],
      test_accuracy: ['kernel', ...grid, 'time'],
      train_loss_ridge: ['kernel', ...grid, 'diag_reg'],
      predictions: ['kernel', ...grid, 'time', 'test', 'class'],
      predictions_ridge: ['kernel', ...grid, 'diag_reg', 'test', 'class'],
    });
  });

  it('have nothing of test images, times, ridges or kinds that the spec lacks', () => {
    const layout = makeLayout({
      ...smallSizes,
      test: 0,
      stripRows: 0,
      times: 0,
      ridges: 0,
      kernels: ['ntk'],
    });
    expect(names(layout)).toEqual([
      'ntk_train_train',
      'ntk_train_train_complement',
      'ntk_train_variance',
      'ntk_eigenvalues',
      'kappa',
      'lambda_max',
      'lambda_min',
    ]);
    expect(() => findArray(layout, 'test_accuracy')).toThrow(expect.objectContaining({ code: 'not-found' }));
  });
});
