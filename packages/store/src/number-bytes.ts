/** Numbers as stored bytes and back: little endian, without a copy where the bytes are aligned. */
import { type Precision, TesseraError } from '@tessera/spec';

/** Numpy's names of the numbers that arrays hold. */
export type NumberType = '<f8' | '<f4' | '<i4';
export type FloatArray = Float64Array | Float32Array;

export const itemBytes: Readonly<Record<NumberType, number>> = {
  '<f8': 8,
  '<f4': 4,
  '<i4': 4,
};

export function floatType(precision: Precision): '<f8' | '<f4' {
  return precision === 'f64' ? '<f8' : '<f4';
}

/** The bytes of a typed array, not copied. */
export function bytesOf(values: Float64Array | Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Stored floats, not copied where they lie on a boundary of their size. */
export function floatsOf(bytes: Uint8Array, type: '<f8' | '<f4'): FloatArray {
  const size = itemBytes[type];
  if (bytes.byteLength % size !== 0) {
    throw new TesseraError('internal', `${bytes.byteLength} bytes are not whole numbers of ${size} bytes.`);
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const count = bytes.byteLength / size;
  return type === '<f8'
    ? new Float64Array(aligned.buffer, aligned.byteOffset, count)
    : new Float32Array(aligned.buffer, aligned.byteOffset, count);
}

/** `count` NaNs. */
export function missingFloats(count: number, type: '<f8' | '<f4'): FloatArray {
  return (type === '<f8' ? new Float64Array(count) : new Float32Array(count)).fill(Number.NaN);
}

/**
 * Chunks of one shape from blocks that may be smaller at the edge of an array: Zarr's chunks are all full size, and
 * what lies beyond the array is NaN.
 * `values`: (blocks, rows, cols), row-major. Returns `blocks` chunks of (chunkRows, chunkCols) in the type asked for.
 */
export function padBlocks(
  values: FloatArray,
  from: { rows: number; cols: number },
  to: { rows: number; cols: number; type: '<f8' | '<f4' },
): Uint8Array[] {
  const size = from.rows * from.cols;
  const blocks = values.length / size;
  if (!Number.isInteger(blocks) || blocks < 1 || from.rows > to.rows || from.cols > to.cols) {
    throw new TesseraError(
      'internal',
      `${values.length} values are not blocks of ${from.rows} x ${from.cols} for chunks of ${to.rows} x ${to.cols}.`,
    );
  }
  const isStoredType = values instanceof Float64Array === (to.type === '<f8');
  return Array.from({ length: blocks }, (_, block) => {
    const source = values.subarray(block * size, (block + 1) * size);
    if (isStoredType && from.rows === to.rows && from.cols === to.cols) return bytesOf(source);
    const chunk = missingFloats(to.rows * to.cols, to.type);
    for (let row = 0; row < from.rows; row += 1) {
      chunk.set(source.subarray(row * from.cols, (row + 1) * from.cols), row * to.cols);
    }
    return bytesOf(chunk);
  });
}
