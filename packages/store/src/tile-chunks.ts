/** A kernel's tiles and strips as shards: one file a task and kind, one padded chunk a depth. */
import { TesseraError } from '@tessera/spec';
import type { ExperimentLayout } from './experiment-layout.js';
import { bytesOf, type FloatArray, floatsOf, floatType, itemBytes, padBlocks } from './number-bytes.js';
import {
  type EncodedShard,
  encodeShard,
  readVerifiedShardChunk,
  storedChunkBytes,
  streamShard,
  verifyShardIndex,
} from './shard.js';
import type { TileStore } from './tile-store.js';

function checkLength(what: string, values: FloatArray, expected: number): void {
  if (values.length === expected) return;
  throw new TesseraError('internal', `${what} has ${values.length} values instead of ${expected}.`);
}

/** Bytes of one depth of a stored train tile. */
export function tileChunkBytes(layout: ExperimentLayout): number {
  return layout.tileSize ** 2 * itemBytes[floatType(layout.precision)];
}

/**
 * The shard of a train tile of one kind and block. `values`: (depths, rows, cols), depths in the layout's order; the
 * chunks are (tileSize, tileSize), NaN beyond the rows and columns of an edge tile.
 */
export function encodeTrainTile(
  layout: ExperimentLayout,
  values: FloatArray,
  rows: number,
  cols: number,
): EncodedShard {
  checkLength('A train tile', values, layout.axes.depth.length * rows * cols);
  const side = layout.tileSize;
  return encodeShard(
    padBlocks(values, { rows, cols }, { rows: side, cols: side, type: floatType(layout.precision) }),
  );
}

/** Variances of a row of images at one depth: image i has reference + deviations[i]. */
export interface ImageVariances {
  reference: number;
  deviations: Float64Array;
}

/**
 * The shard of the variances of a diagonal train tile's images, of one kind: a chunk a depth, the reference and then
 * tileSize deviations, NaN beyond the tile's rows. `deviations`: (depths, rows).
 */
export function encodeVariances(
  layout: ExperimentLayout,
  reference: Float64Array,
  deviations: Float64Array,
  rows: number,
): EncodedShard {
  const depths = layout.axes.depth.length;
  checkLength('The references of a tile', reference, depths);
  checkLength('The deviations of a tile', deviations, depths * rows);
  const chunks = Array.from(reference, (value, depth) => {
    const chunk = new Float64Array(1 + layout.tileSize).fill(Number.NaN);
    chunk[0] = value;
    chunk.set(deviations.subarray(depth * rows, (depth + 1) * rows), 1);
    return bytesOf(chunk);
  });
  return encodeShard(chunks);
}

/** Bytes of one depth of a diagonal tile's stored variances. */
export function variancesChunkBytes({ tileSize }: Pick<ExperimentLayout, 'tileSize'>): number {
  return 8 * (1 + tileSize);
}

/** The shard of a test-train strip of one kind. `values`: (depths, rows, m); chunks are (stripRows, m). */
export function encodeTestTrainStrip(
  layout: ExperimentLayout,
  values: FloatArray,
  rows: number,
): EncodedShard {
  const cols = layout.train.length;
  checkLength('A strip', values, layout.axes.depth.length * rows * cols);
  return encodeShard(
    padBlocks(values, { rows, cols }, { rows: layout.stripRows, cols, type: floatType(layout.precision) }),
  );
}

/**
 * The shard of one strip of `predictions` or `predictions_ridge`. `values`: (kernels, depths, times or ridges, rows,
 * classes), float64, each in the layout's order.
 */
export function encodePredictionStrip(
  layout: ExperimentLayout,
  name: 'predictions' | 'predictions_ridge',
  values: Float64Array,
  rows: number,
): EncodedShard {
  const { axes, classes, stripRows } = layout;
  const columns = name === 'predictions' ? axes.times.length : axes.diagReg.length;
  checkLength(
    `A strip of ${name}`,
    values,
    axes.kernels.length * axes.depth.length * columns * rows * classes,
  );
  return encodeShard(
    padBlocks(values, { rows, cols: classes }, { rows: stripRows, cols: classes, type: '<f8' }),
  );
}

/**
 * From the shard of tile (row, col) makes that of (col, row): every chunk transposed. One depth in memory at a time.
 * Throws as `readShardChunk` does.
 */
export async function mirrorShard(
  store: TileStore,
  layout: ExperimentLayout,
  from: string,
  to: string,
): Promise<void> {
  const depths = layout.axes.depth.length;
  const bytes = tileChunkBytes(layout);
  await verifyShardIndex(store, from, depths, bytes);
  const room = Buffer.allocUnsafeSlow(storedChunkBytes(bytes));
  async function* transposedChunks(): AsyncGenerator<Uint8Array> {
    for (let depth = 0; depth < depths; depth += 1) {
      yield transposeChunk(await readVerifiedShardChunk(store, from, depth, bytes, room), layout);
    }
  }
  await store.put(to, streamShard(transposedChunks(), depths, bytes));
}

/** Side of the blocks a transposition goes through: 32 x 32 float64 of each operand fit an L1 cache. */
const blockSide = 32;

function transposeChunk(chunk: Buffer, { tileSize, precision }: ExperimentLayout): Uint8Array {
  const transposed = Buffer.allocUnsafeSlow(chunk.byteLength);
  const type = floatType(precision);
  transposeInto(floatsOf(transposed, type), floatsOf(chunk, type), {
    rows: tileSize,
    cols: tileSize,
    sourceStride: tileSize,
    targetStride: tileSize,
  });
  return transposed;
}

/**
 * target[offset + c * targetStride + r] = source[r * sourceStride + c] for r < rows, c < cols, block by block.
 */
export function transposeInto(
  target: FloatArray,
  source: FloatArray,
  shape: {
    rows: number;
    cols: number;
    sourceStride: number;
    targetStride: number;
    targetOffset?: number;
  },
): void {
  const { rows, cols, sourceStride, targetStride, targetOffset = 0 } = shape;
  for (let rowBlock = 0; rowBlock < rows; rowBlock += blockSide) {
    const rowEnd = Math.min(rows, rowBlock + blockSide);
    for (let colBlock = 0; colBlock < cols; colBlock += blockSide) {
      const colEnd = Math.min(cols, colBlock + blockSide);
      for (let col = colBlock; col < colEnd; col += 1) {
        for (let row = rowBlock; row < rowEnd; row += 1) {
          target[targetOffset + col * targetStride + row] = source[row * sourceStride + col] as number;
        }
      }
    }
  }
}
