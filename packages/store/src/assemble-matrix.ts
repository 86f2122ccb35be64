/** From the tiles of one kernel to one depth's matrix. */
import { type KernelName, TesseraError } from '@tessera/spec';
import type { ExperimentLayout } from './experiment-layout.js';
import { floatsOf, floatType } from './number-bytes.js';
import { readShardChunk } from './shard.js';
import { tileChunkBytes, transposeInto } from './tile-chunks.js';
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

/**
 * The m x m matrix of one depth and kind, row-major float64, both triangles, from the tiles on and above the diagonal.
 * @param tileKey the key of the accepted piece of tile (row, col), row <= col.
 * Every chunk is verified; a wrong or absent one is a CorruptTileError.
 */
export async function assembleMatrix(
  store: TileStore,
  layout: ExperimentLayout,
  tileKey: (row: number, col: number, kind: KernelName) => string,
  depthIndex: number,
  kind: KernelName,
): Promise<Float64Array> {
  const { tileSize } = layout;
  const size = layout.train.length;
  const blocks = Math.ceil(size / tileSize);
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < blocks; row += 1) {
    for (let col = row; col < blocks; col += 1) {
      const key = tileKey(row, col, kind);
      const chunk = await readingTile({ row, col, key }, () =>
        readShardChunk(store, key, depthIndex, layout.axes.depth.length, tileChunkBytes(layout)),
      );
      const tile = floatsOf(chunk, floatType(layout.precision));
      const [rowStart, colStart] = [row * tileSize, col * tileSize];
      const rows = Math.min(tileSize, size - rowStart);
      const cols = Math.min(tileSize, size - colStart);
      for (let r = 0; r < rows; r += 1) {
        matrix.set(tile.subarray(r * tileSize, r * tileSize + cols), (rowStart + r) * size + colStart);
      }
      if (row === col) continue;
      transposeInto(matrix, tile, {
        rows,
        cols,
        sourceStride: tileSize,
        targetStride: size,
        targetOffset: colStart * size + rowStart,
      });
    }
  }
  return matrix;
}
