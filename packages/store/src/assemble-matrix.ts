/** From the tiles of one kernel to one depth's matrix. */
import { TesseraError } from '@tessera/spec';
import type { ExperimentLayout } from './experiment-layout.js';
import { type FloatArray, floatsOf, floatType } from './number-bytes.js';
import { readShard, readShardChunk } from './shard.js';
import { type ImageVariances, tileChunkBytes, transposeInto, variancesChunkBytes } from './tile-chunks.js';
import type { TileStore } from './tile-store.js';

/** A stored train tile that is absent or not what was written: to be computed again. Its `cause` says which. */
export class CorruptTileError extends TesseraError {
  readonly row: number;
  readonly col: number;
  readonly key: string;

  constructor(tile: { row: number; col: number; key: string }, cause: TesseraError) {
    super(
      'corrupt-chunk',
      `Train tile (${tile.row}, ${tile.col}) has to be computed again: ${cause.message}`,
      { cause },
    );
    this.name = 'CorruptTileError';
    this.row = tile.row;
    this.col = tile.col;
    this.key = tile.key;
  }
}

/** Runs what reads a tile; its `not-found` and `corrupt-chunk` become a CorruptTileError that names the tile. */
export async function readingTile<T>(
  tile: { row: number; col: number; key: string },
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const isDamage =
      error instanceof TesseraError && (error.code === 'not-found' || error.code === 'corrupt-chunk');
    throw isDamage ? new CorruptTileError(tile, error) : error;
  }
}

/** Key of the accepted piece of tile (row, col), row <= col, of one kind and block. */
export type TileKey = (row: number, col: number) => string;

/** One depth of a train tile: rows x cols numbers, row r from r * stride on. */
export interface TileView {
  /** First row and column within the matrix. */
  rowStart: number;
  colStart: number;
  rows: number;
  cols: number;
  stride: number;
  values: FloatArray;
}

/**
 * The tiles of one depth on and above the diagonal, one after the other.
 * Every chunk is verified; a wrong or absent one is a CorruptTileError.
 * @param verified as for `readShardChunk`: shards that were read from before
 * @param room as its `into`: the values of one tile are written over by the next
 */
export async function* readTiles(
  store: TileStore,
  layout: ExperimentLayout,
  tileKey: TileKey,
  depthIndex: number,
  verified?: Set<string>,
  room?: Buffer,
): AsyncGenerator<TileView> {
  const { tileSize } = layout;
  const [depths, bytes] = [layout.axes.depth.length, tileChunkBytes(layout)];
  const size = layout.train.length;
  const blocks = Math.ceil(size / tileSize);
  for (let row = 0; row < blocks; row += 1) {
    for (let col = row; col < blocks; col += 1) {
      const key = tileKey(row, col);
      const chunk = await readingTile({ row, col, key }, () =>
        readShardChunk(store, key, depthIndex, depths, bytes, verified, room),
      );
      const [rowStart, colStart] = [row * tileSize, col * tileSize];
      yield {
        rowStart,
        colStart,
        rows: Math.min(tileSize, size - rowStart),
        cols: Math.min(tileSize, size - colStart),
        stride: tileSize,
        values: floatsOf(chunk, floatType(layout.precision)),
      };
    }
  }
}

/**
 * The m x m matrix of one depth, row-major float64, both triangles, from the tiles on and above the diagonal.
 * @param into m * m numbers to fill; new ones otherwise
 * Throws as `readTiles` does.
 */
export async function assembleMatrix(
  store: TileStore,
  layout: ExperimentLayout,
  tileKey: TileKey,
  depthIndex: number,
  into?: Float64Array,
  verified?: Set<string>,
  room?: Buffer,
): Promise<Float64Array> {
  const size = layout.train.length;
  const matrix = into ?? new Float64Array(size * size);
  for await (const tile of readTiles(store, layout, tileKey, depthIndex, verified, room)) {
    const { rowStart, colStart, rows, cols, stride, values } = tile;
    if (cols === size && stride === size) {
      matrix.set(values);
      continue;
    }
    for (let r = 0; r < rows; r += 1) {
      matrix.set(values.subarray(r * stride, r * stride + cols), (rowStart + r) * size + colStart);
    }
    if (rowStart === colStart) continue;
    transposeInto(matrix, values, {
      rows,
      cols,
      sourceStride: stride,
      targetStride: size,
      targetOffset: colStart * size + rowStart,
    });
  }
  return matrix;
}

/**
 * The variances of all training images at every depth, from the diagonal tiles.
 * @param variancesKey the key of the accepted piece of tile (row, row). Throws as `readTiles` does.
 */
export async function assembleVariances(
  store: TileStore,
  layout: ExperimentLayout,
  variancesKey: (row: number) => string,
): Promise<ImageVariances[]> {
  const { tileSize, axes } = layout;
  const size = layout.train.length;
  const found = axes.depth.map(() => ({ reference: 0, deviations: new Float64Array(size) }));
  for (let start = 0; start < size; start += tileSize) {
    const row = start / tileSize;
    const key = variancesKey(row);
    const chunks = await readingTile({ row, col: row, key }, () =>
      readShard(store, key, axes.depth.length, variancesChunkBytes(layout)),
    );
    found.forEach((variances, depth) => {
      const numbers = floatsOf(chunks[depth] as Buffer, '<f8');
      variances.reference = numbers[0] as number;
      variances.deviations.set(numbers.subarray(1, 1 + Math.min(tileSize, size - start)), start);
    });
  }
  return found;
}
