/** What the aggregator writes into an experiment's group when a kernel is finished. Everything here is durable. */
import { type KernelName, TesseraError } from '@tessera/spec';
import { eigenvaluesName, findArray, kernelArrayName, resultArrays, trainVarianceName } from './arrays.js';
import { readingTile } from './assemble-matrix.js';
import { putChunk } from './chunk.js';
import { chunkKey, type ExperimentLayout, gridPoint } from './experiment-layout.js';
import { bytesOf } from './number-bytes.js';
import { encodeShard } from './shard.js';
import { mirrorShard } from './tile-chunks.js';
import type { TileStore } from './tile-store.js';

/** A temporary piece as the database knows it: where it lies, and the crc32c of the whole file. */
export interface StoredPiece {
  key: string;
  checksum: string;
}

/**
 * Makes a train tile readable in its array (`{kind}_train_train` or its complement), and its mirror image below the
 * diagonal. What is linked is verified, whole, before it
 * takes its name; a damaged or absent piece is a CorruptTileError.
 */
export async function publishTrainTile(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  array: string,
  tile: { row: number; col: number },
  piece: StoredPiece,
): Promise<void> {
  const { weightIndex, biasIndex } = gridPoint(layout, kernelIndex);
  const { name } = findArray(layout, array);
  const target = (row: number, col: number) =>
    chunkKey(layout.id, name, [weightIndex, biasIndex, 0, row, col]);
  await readingTile({ ...tile, key: piece.key }, async () => {
    await store.copy(piece.key, target(tile.row, tile.col), piece.checksum);
    if (tile.row !== tile.col) await mirrorShard(store, layout, piece.key, target(tile.col, tile.row));
  });
}

/** The same for a strip of `{kind}_test_train`. Throws `corrupt-chunk` or `not-found` for a damaged or absent piece. */
export async function publishTestTrainStrip(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  kind: KernelName,
  stripIndex: number,
  piece: StoredPiece,
): Promise<void> {
  const { weightIndex, biasIndex } = gridPoint(layout, kernelIndex);
  const { name } = findArray(layout, kernelArrayName(kind, 'test_train'));
  const target = chunkKey(layout.id, name, [weightIndex, biasIndex, 0, stripIndex, 0]);
  await store.copy(piece.key, target, piece.checksum);
}

/** The same for a strip of predictions. */
export async function publishPredictionStrip(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  name: 'predictions' | 'predictions_ridge',
  stripIndex: number,
  piece: StoredPiece,
): Promise<void> {
  const { weightIndex, biasIndex } = gridPoint(layout, kernelIndex);
  findArray(layout, name);
  const target = chunkKey(layout.id, name, [0, weightIndex, biasIndex, 0, 0, stripIndex, 0]);
  await store.copy(piece.key, target, piece.checksum);
}

/**
 * Writes the spectra of one kernel and kind. `values`: (depths, eigenvalues), each depth ascending, NaN where a matrix
 * overflowed.
 */
export async function writeEigenvalues(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  kind: KernelName,
  values: Float64Array,
): Promise<void> {
  await writeDepths(store, layout, kernelIndex, eigenvaluesName(kind), values);
}

/** Writes the variances of the training images of one kernel and kind. `values`: (depths, m). */
export async function writeTrainVariances(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  kind: KernelName,
  values: Float64Array,
): Promise<void> {
  await writeDepths(store, layout, kernelIndex, trainVarianceName(kind), values);
}

async function writeDepths(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  array: string,
  values: Float64Array,
): Promise<void> {
  const { weightIndex, biasIndex } = gridPoint(layout, kernelIndex);
  const { name, chunkShape } = findArray(layout, array);
  const size = chunkShape.at(-1) as number;
  const depths = layout.axes.depth.length;
  if (values.length !== depths * size) {
    throw new TesseraError(
      'internal',
      `${name} of a kernel are ${depths * size} values, not ${values.length}.`,
    );
  }
  const chunks = Array.from({ length: depths }, (_, depth) =>
    bytesOf(values.subarray(depth * size, (depth + 1) * size)),
  );
  await store.put(chunkKey(layout.id, name, [weightIndex, biasIndex, 0, 0]), encodeShard(chunks).parts);
}

/**
 * Writes the results of one kernel (a grid point): for every array of `resultArrays(layout)`, and no other, the values
 * (kinds, depths) or (kinds, depths, times or ridges) in the layout's order, NaN where there is no number.
 */
export async function writeResultChunks(
  store: TileStore,
  layout: ExperimentLayout,
  kernelIndex: number,
  values: Readonly<Record<string, Float64Array>>,
): Promise<void> {
  const { weightIndex, biasIndex } = gridPoint(layout, kernelIndex);
  const expected = resultArrays(layout);
  const unknown = Object.keys(values).filter((name) => !expected.some((array) => array.name === name));
  if (unknown.length > 0)
    throw new TesseraError('internal', `The layout has no result arrays ${unknown.join(', ')}.`);
  const writes = expected.map(({ name, chunkShape }) => {
    const chunk = values[name];
    const length = chunkShape.reduce((product, side) => product * side, 1);
    if (chunk?.length !== length) {
      throw new TesseraError(
        'internal',
        `${name} of a kernel are ${length} values, not ${chunk?.length ?? 'none'}.`,
      );
    }
    const place = [0, weightIndex, biasIndex, ...chunkShape.slice(3).map(() => 0)];
    return { key: chunkKey(layout.id, name, place), bytes: bytesOf(chunk) };
  });
  await Promise.all(writes.map(({ key, bytes }) => putChunk(store, key, bytes)));
}
