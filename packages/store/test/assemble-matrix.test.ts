import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembleMatrix, assembleVariances } from '../src/assemble-matrix.js';
import { createExperimentGroup } from '../src/experiment-group.js';
import { chunkKey } from '../src/experiment-layout.js';
import { publishTrainTile, writeEigenvalues, writeResultChunks } from '../src/publish.js';
import { storedChunkBytes } from '../src/shard.js';
import { trainTileKey } from '../src/temporary-keys.js';
import { encodeTrainTile, encodeVariances, tileChunkBytes } from '../src/tile-chunks.js';
import type { TileStore } from '../src/tile-store.js';
import {
  boxOf,
  makeLayout,
  type PlainArray,
  putTrainTiles,
  randomArrays,
  smallSizes,
  temporaryStore,
} from './experiment-fixture.js';

let store: TileStore;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ store, remove } = await temporaryStore());
});
afterEach(() => remove());

const kernelIndex = 4;
const keyOf = (row: number, col: number) =>
  trainTileKey('e1', kernelIndex, { row, col, generation: 1 }, 'ntk_train_train');

describe.each([
  { tileSize: 1, precision: 'f64' },
  { tileSize: 3, precision: 'f32' },
  { tileSize: 7, precision: 'f64' },
  { tileSize: 33, precision: 'f32' },
] as const)('70 images in tiles of $tileSize, $precision', ({ tileSize, precision }) => {
  const layout = makeLayout({ ...smallSizes, depths: 2, train: 70, tileSize, precision });
  const values = randomArrays(layout).get('ntk_train_train') as PlainArray;

  it('assemble to the whole symmetric matrix of a depth, in float64', async () => {
    await putTrainTiles(store, layout, kernelIndex, 'ntk_train_train', values);
    for (const depth of [0, 1]) {
      const matrix = await assembleMatrix(store, layout, keyOf, depth);
      const room = Buffer.alloc(storedChunkBytes(tileChunkBytes(layout)) + 1);
      const [into, verified] = [undefined, new Set<string>()];
      expect(await assembleMatrix(store, layout, keyOf, depth, into, verified, room)).toEqual(matrix);
      expect(matrix).toEqual(boxOf(values, [2, 0, depth, 0, 0], [1, 1, 1, 70, 70]));
    }
  });
});

describe('variances of images in diagonal tiles', () => {
  const layout = makeLayout({ ...smallSizes, precision: 'f32' });
  const { tileSize, train, axes } = layout;
  const references = Float64Array.from(axes.depth, (depth) => 1 + depth);
  const deviation = (depth: number, image: number) => 1e-20 * (100 * depth + image);
  const rowKey = (row: number) => trainTileKey('e1', kernelIndex, { row, col: row, generation: 1 }, 'v');

  it('assemble to those of all training images, unrounded in either precision', async () => {
    for (let start = 0; start < train.length; start += tileSize) {
      const rows = Math.min(tileSize, train.length - start);
      const deviations = Float64Array.from({ length: axes.depth.length * rows }, (_, i) =>
        deviation(Math.floor(i / rows), start + (i % rows)),
      );
      await store.put(rowKey(start / tileSize), encodeVariances(layout, references, deviations, rows).parts);
    }
    expect(await assembleVariances(store, layout, rowKey)).toEqual(
      axes.depth.map((_, depth) => ({
        reference: references[depth],
        deviations: Float64Array.from(train, (_, image) => deviation(depth, image)),
      })),
    );
    const bytes = await store.get(rowKey(1));
    const flipped = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 2 : byte));
    const damages = [bytes.subarray(0, 100), flipped(4), flipped(bytes.byteLength - 10)];
    for (const damage of [...damages, null]) {
      await (damage === null ? store.delete(rowKey(1)) : store.put(rowKey(1), damage));
      await expect(assembleVariances(store, layout, rowKey)).rejects.toEqual(
        expect.objectContaining({ name: 'CorruptTileError', row: 1, col: 1 }),
      );
    }
  });
});

describe('a damaged train tile', () => {
  const layout = makeLayout(smallSizes);
  const values = randomArrays(layout).get('ntk_train_train') as PlainArray;
  const error = (row: number, col: number) =>
    expect.objectContaining({ name: 'CorruptTileError', code: 'corrupt-chunk', row, col });

  it('is named by the matrix that needs it, truncated, flipped or absent', async () => {
    await putTrainTiles(store, layout, kernelIndex, 'ntk_train_train', values);
    const key = keyOf(0, 2);
    const bytes = await store.get(key);
    await store.put(key, bytes.subarray(0, 100));
    await expect(assembleMatrix(store, layout, keyOf, 0)).rejects.toEqual(error(0, 2));
    const damaged = Buffer.from(bytes);
    damaged[4] = (damaged[4] as number) ^ 2;
    await store.put(key, damaged);
    await expect(assembleMatrix(store, layout, keyOf, 0)).rejects.toEqual(error(0, 2));
    await assembleMatrix(store, layout, keyOf, 1);
    await store.delete(keyOf(1, 1));
    await expect(assembleMatrix(store, layout, keyOf, 1)).rejects.toEqual(error(1, 1));
  });

  it('is not published: neither it nor its mirror image', async () => {
    await createExperimentGroup(store, layout);
    const [, tile] = await putTrainTiles(store, layout, kernelIndex, 'ntk_train_train', values);
    if (tile === undefined) throw new Error('the fixture has more than one tile');
    const bytes = await store.get(tile.key);
    bytes[bytes.byteLength - 30] = (bytes[bytes.byteLength - 30] as number) ^ 1;
    await store.put(tile.key, bytes);
    await expect(publishTrainTile(store, layout, kernelIndex, 'ntk_train_train', tile, tile)).rejects.toEqual(
      error(0, 1),
    );
    expect(await store.size(chunkKey(layout.id, 'ntk_train_train', [2, 0, 0, 0, 1]))).toBeNull();
    expect(await store.size(chunkKey(layout.id, 'ntk_train_train', [2, 0, 0, 1, 0]))).toBeNull();
  });

  it('published twice gives the same bytes, and outlives the temporary piece', async () => {
    await createExperimentGroup(store, layout);
    const [, tile] = await putTrainTiles(store, layout, kernelIndex, 'ntk_train_train', values);
    if (tile === undefined) throw new Error('the fixture has more than one tile');
    const places = [
      [2, 0, 0, 0, 1],
      [2, 0, 0, 1, 0],
    ];
    const published = () =>
      Promise.all(places.map((place) => store.get(chunkKey(layout.id, 'ntk_train_train', place))));
    await publishTrainTile(store, layout, kernelIndex, 'ntk_train_train', tile, tile);
    const once = await published();
    await publishTrainTile(store, layout, kernelIndex, 'ntk_train_train', tile, tile);
    await store.delete(tile.key);
    expect(await published()).toEqual(once);
  });
});

describe('values of the wrong length or name are refused before anything is written', () => {
  const layout = makeLayout(smallSizes);
  const internal = expect.objectContaining({ code: 'internal' });

  it('as tiles, spectra and results', async () => {
    expect(() => encodeTrainTile(layout, new Float64Array(26), 3, 3)).toThrow(internal);
    expect(() => encodeTrainTile(layout, new Float64Array(3 * 16), 4, 4)).toThrow(internal);
    await expect(writeEigenvalues(store, layout, 0, 'ntk', new Float64Array(7))).rejects.toEqual(internal);
    await expect(writeResultChunks(store, layout, 0, { kappa: new Float64Array(6) })).rejects.toEqual(
      internal,
    );
    await expect(writeResultChunks(store, layout, 0, { nonsense: new Float64Array(6) })).rejects.toEqual(
      internal,
    );
    expect(await store.listChildren('experiments')).toEqual([]);
  });
});
