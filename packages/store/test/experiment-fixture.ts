/** A small experiment with random numbers, written piece by piece as workers and the aggregator write it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExperimentSpec, KernelName } from '@tessera/spec';
import { testBucket } from '@tessera/testkit';
import {
  arrays,
  eigenvaluesName,
  findArray,
  kernelArrayName,
  resultArrays,
  trainBlocks,
  trainVarianceName,
} from '../src/arrays.js';
import { createExperimentGroup } from '../src/experiment-group.js';
import type { ExperimentLayout } from '../src/experiment-layout.js';
import { openFolderStore } from '../src/folder-store.js';
import type { FloatArray } from '../src/number-bytes.js';
import {
  publishPredictionStrip,
  publishTestTrainStrip,
  publishTrainTile,
  writeEigenvalues,
  writeResultChunks,
  writeTrainVariances,
} from '../src/publish.js';
import { openS3Store, type S3Patience } from '../src/s3-store.js';
import type { EncodedShard } from '../src/shard.js';
import { stripPieceKey, trainTileKey } from '../src/temporary-keys.js';
import { encodePredictionStrip, encodeTestTrainStrip, encodeTrainTile } from '../src/tile-chunks.js';
import type { TileStore } from '../src/tile-store.js';

export async function temporaryStore(): Promise<{
  folder: string;
  store: TileStore;
  remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-store-'));
  return {
    folder,
    store: await openFolderStore(folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A bucket of its own; uploads in parts of S3's least, 5 MiB. @param endpoint a door before the server */
export async function temporaryBucket(endpoint?: string, patience: S3Patience = {}) {
  const bucket = await testBucket(endpoint);
  const store = await openS3Store(bucket.location, { partBytes: 5 * 2 ** 20, ...patience });
  return { bucket, store, remove: async () => {} };
}

/** Every key, sorted. */
export async function allKeys(store: TileStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys.sort();
}

export interface FixtureSizes {
  weights: number;
  biases: number;
  depths: number;
  train: number;
  test: number;
  tileSize: number;
  stripRows: number;
  classes: number;
  times: number;
  ridges: number;
  precision: 'f32' | 'f64';
  kernels: KernelName[];
}

export const smallSizes: FixtureSizes = {
  weights: 3,
  biases: 2,
  depths: 3,
  train: 7,
  test: 5,
  tileSize: 3,
  stripRows: 2,
  classes: 3,
  times: 2,
  ridges: 1,
  precision: 'f64',
  kernels: ['ntk', 'nngp'],
};

export function makeLayout(
  sizes: FixtureSizes,
  keep: ExperimentSpec['keep'] = { kernels: 'all', predictions: true },
): ExperimentLayout {
  const count = (length: number) => Array.from({ length }, (_, position) => position);
  const axes = {
    weightVariance: count(sizes.weights).map((position) => 1.5 + position / 10),
    biasVariance: count(sizes.biases).map((position) => 0.05 * position),
    depth: count(sizes.depths).map((position) => 10 * position),
    kernels: sizes.kernels,
    times: count(sizes.times).map((power) => 8 ** power),
    diagReg: count(sizes.ridges).map((power) => 10 ** -power),
  };
  const spec: ExperimentSpec = {
    name: 'fixture',
    dataset: {
      id: 'synthetic',
      train: sizes.train,
      test: sizes.test,
      seed: null,
      normalization: 'standardize',
      labels: 'centered',
    },
    architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
    grid: { weightVariance: axes.weightVariance, biasVariance: axes.biasVariance, depth: axes.depth },
    kernels: sizes.kernels,
    precision: sizes.precision,
    tileSize: sizes.tileSize,
    analysis: {
      spectrum: 'full',
      regression: sizes.ridges > 0 ? { diagReg: axes.diagReg } : null,
      dynamics: sizes.times > 0 ? { times: axes.times, learningRate: 'max' } : null,
    },
    keep,
    numerics: 'pinned',
    priority: 5,
  };
  return {
    id: 'e1',
    spec,
    axes,
    train: Int32Array.from(count(sizes.train), (position) => 2 * position + 1),
    test: Int32Array.from(count(sizes.test), (position) => 3 * position),
    classes: sizes.classes,
    classNames: null,
    tileSize: sizes.tileSize,
    stripRows: sizes.stripRows,
    precision: sizes.precision,
    provenance: { engine: 'oracle', versions: { tessera: '0.1.0' } },
  };
}

/** An array in memory, row-major. */
export interface PlainArray {
  shape: number[];
  data: Float64Array;
}

/** A seeded generator of numbers in [0, 1) (Park and Miller), rounded to float32 so that both precisions hold them. */
export function randomNumbers(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return Math.fround(state / 2147483647);
  };
}

function offsetOf({ shape }: PlainArray, place: readonly number[]): number {
  return place.reduce((index, position, axis) => index * (shape[axis] as number) + position, 0);
}

/** The values of a box with `extent` at `start`, row-major. */
export function boxOf(array: PlainArray, start: readonly number[], extent: readonly number[]): Float64Array {
  const values: number[] = [];
  const visit = (place: number[]): void => {
    if (place.length === extent.length) values.push(array.data[offsetOf(array, place)] as number);
    else {
      const axis = place.length;
      for (let i = 0; i < (extent[axis] as number); i += 1) visit([...place, (start[axis] as number) + i]);
    }
  };
  visit([]);
  return Float64Array.from(values);
}

/** Random values for every array that holds results; the train-train arrays are symmetric. */
export function randomArrays(layout: ExperimentLayout, seed = 1): Map<string, PlainArray> {
  const random = randomNumbers(seed);
  const all = new Map<string, PlainArray>();
  for (const { name, role, shape } of arrays(layout)) {
    if (role === 'coordinate') continue;
    const data = new Float64Array(shape.reduce((size, side) => size * side, 1)).map(random);
    if (/train_train(_complement)?$/.test(name)) {
      const m = layout.train.length;
      for (let start = 0; start < data.length; start += m * m) {
        for (let i = 0; i < m; i += 1) {
          for (let j = 0; j < i; j += 1) data[start + i * m + j] = data[start + j * m + i] as number;
        }
      }
    }
    all.set(name, { shape: [...shape], data });
  }
  return all;
}

async function putPiece(
  store: TileStore,
  key: string,
  shard: EncodedShard,
): Promise<{ key: string; checksum: string }> {
  await store.put(key, shard.parts, { durable: false });
  return { key, checksum: shard.checksum };
}

function inPrecision(values: Float64Array, layout: ExperimentLayout): FloatArray {
  return layout.precision === 'f64' ? values : Float32Array.from(values);
}

/** Writes the temporary pieces of one array of a kernel's train tiles; returns the key of each. */
export async function putTrainTiles(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  array: string,
  values: PlainArray,
): Promise<{ row: number; col: number; key: string; checksum: string }[]> {
  const { tileSize, axes } = layout;
  const m = layout.train.length;
  const biases = axes.biasVariance.length;
  const point = [Math.floor(kernelIndex / biases), kernelIndex % biases];
  const blocks = Math.ceil(m / tileSize);
  const pieces = [];
  for (let row = 0; row < blocks; row += 1) {
    for (let col = row; col < blocks; col += 1) {
      const rows = Math.min(tileSize, m - row * tileSize);
      const cols = Math.min(tileSize, m - col * tileSize);
      const start = [...point, 0, row * tileSize, col * tileSize];
      const tile = inPrecision(boxOf(values, start, [1, 1, axes.depth.length, rows, cols]), layout);
      const key = trainTileKey(layout.id, kernelIndex, { row, col, generation: 1 }, array);
      pieces.push({ row, col, ...(await putPiece(store, key, encodeTrainTile(layout, tile, rows, cols))) });
    }
  }
  return pieces;
}

/** Writes one finished kernel of `all` into the experiment's group. */
export async function writeKernel(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  all: Map<string, PlainArray>,
): Promise<void> {
  const { axes, stripRows } = layout;
  const biases = axes.biasVariance.length;
  const [w, b] = [Math.floor(kernelIndex / biases), kernelIndex % biases];
  const depths = axes.depth.length;
  const arrayNamed = (name: string) => all.get(name) as PlainArray;
  const strips = stripRows === 0 ? 0 : Math.ceil(layout.test.length / stripRows);
  for (const kind of axes.kernels) {
    for (const block of trainBlocks) {
      const array = kernelArrayName(kind, block);
      if (!all.has(array)) continue;
      for (const tile of await putTrainTiles(store, layout, kernelIndex, array, arrayNamed(array))) {
        await publishTrainTile(store, layout, kernelIndex, array, tile, tile);
      }
    }
    if (all.has(trainVarianceName(kind))) {
      const extent = [1, 1, depths, layout.train.length];
      const variances = boxOf(arrayNamed(trainVarianceName(kind)), [w, b, 0, 0], extent);
      await writeTrainVariances(store, layout, kernelIndex, kind, variances);
    }
    const name = kernelArrayName(kind, 'test_train');
    for (let strip = 0; all.has(name) && strip < strips; strip += 1) {
      const rows = Math.min(stripRows, layout.test.length - strip * stripRows);
      const box = boxOf(
        arrayNamed(name),
        [w, b, 0, strip * stripRows, 0],
        [1, 1, depths, rows, layout.train.length],
      );
      const key = stripPieceKey(layout.id, kernelIndex, { index: strip, generation: 2 }, name);
      const piece = await putPiece(store, key, encodeTestTrainStrip(layout, inPrecision(box, layout), rows));
      await publishTestTrainStrip(store, layout, kernelIndex, kind, strip, piece);
    }
    const spectrum = boxOf(
      arrayNamed(eigenvaluesName(kind)),
      [w, b, 0, 0],
      [1, 1, depths, layout.train.length],
    );
    await writeEigenvalues(store, layout, kernelIndex, kind, spectrum);
  }
  const results = resultArrays(layout).map(({ name, chunkShape }) => {
    const start = chunkShape.map((_, axis) => (axis === 1 ? w : axis === 2 ? b : 0));
    return [name, boxOf(arrayNamed(name), start, chunkShape)] as const;
  });
  await writeResultChunks(store, layout, kernelIndex, Object.fromEntries(results));
  for (const name of ['predictions', 'predictions_ridge'] as const) {
    if (!all.has(name)) continue;
    const columns = findArray(layout, name).shape[4] as number;
    for (let strip = 0; strip < strips; strip += 1) {
      const rows = Math.min(stripRows, layout.test.length - strip * stripRows);
      const extent = [axes.kernels.length, 1, 1, depths, columns, rows, layout.classes];
      const box = boxOf(arrayNamed(name), [0, w, b, 0, 0, strip * stripRows, 0], extent);
      const key = stripPieceKey(layout.id, kernelIndex, { index: strip, generation: 2 }, name);
      const piece = await putPiece(store, key, encodePredictionStrip(layout, name, box, rows));
      await publishPredictionStrip(store, layout, kernelIndex, name, strip, piece);
    }
  }
}

/** The group, and every kernel but those in `missing`, whose values in `all` become NaN. */
export async function writeExperiment(
  store: TileStore,
  layout: ExperimentLayout,
  all: Map<string, PlainArray>,
  missing: readonly number[] = [],
): Promise<void> {
  await createExperimentGroup(store, layout);
  const biases = layout.axes.biasVariance.length;
  const kernels = layout.axes.weightVariance.length * biases;
  for (let kernelIndex = 0; kernelIndex < kernels; kernelIndex += 1) {
    if (!missing.includes(kernelIndex)) await writeKernel(store, layout, kernelIndex, all);
    else for (const [name, array] of all) forget(layout, name, array, kernelIndex);
  }
}

function forget(layout: ExperimentLayout, name: string, array: PlainArray, kernelIndex: number): void {
  const biases = layout.axes.biasVariance.length;
  const lead = findArray(layout, name).dimensions.indexOf('weight_variance');
  const perPoint = array.shape.slice(lead + 2).reduce((size, side) => size * side, 1);
  const points = layout.axes.weightVariance.length * biases;
  for (let outer = 0; outer < array.data.length / perPoint / points; outer += 1) {
    const start = (outer * points + kernelIndex) * perPoint;
    array.data.fill(Number.NaN, start, start + perPoint);
  }
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
