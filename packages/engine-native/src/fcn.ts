/** Fully connected tiles: the read-in of two blocks of images, and the recursion from it. */
import type { ImageBlock, TileResult, TileTask } from '@tessera/engine';
import { inputCount } from '@tessera/spec';
import type { Machine } from './machine.js';
import { outputsOf, tileNumbers } from './tile.js';

/** What the recursion starts from. Of a symmetric tile only entries on and above the diagonal mean anything. */
export interface ReadIn {
  /** |row - col|^2 / (2 inputs), (rows, cols) row-major. */
  complement: Float64Array;
  /** |image|^2 / inputs. */
  rowVariance: Float64Array;
  colVariance: Float64Array;
}

/** Reads in a pair of blocks, exactly where both are made of bytes in one way; cols null: rows against themselves. */
export async function readIn(
  { library, isa, threads }: Machine,
  rows: ImageBlock,
  cols: ImageBlock | null,
  signal?: AbortSignal,
): Promise<ReadIn> {
  const other = cols ?? rows;
  const bytes = bytesOf(rows, other);
  const result: ReadIn = {
    complement: new Float64Array(rows.count * other.count),
    rowVariance: new Float64Array(rows.count),
    colVariance: new Float64Array(other.count),
  };
  const counts = [isa.index, threads, rows.count, other.count, inputCount(rows.shape)];
  const integers = Int32Array.from([...counts, Number(cols === null), Number(bytes?.own ?? false)]);
  const numbers = Float64Array.of(bytes?.offset ?? 0, bytes?.factor ?? 1);
  const images = bytes === null ? [null, null, rows.data, other.data] : [...bytes.pixels, null, null];
  const outputs = [result.complement, result.rowVariance, result.colVariance];
  await library.call('readIn', [integers, numbers, ...images, ...outputs], signal);
  return result;
}

function bytesOf({ bytes: rows }: ImageBlock, { bytes: cols }: ImageBlock) {
  if (rows === undefined || cols === undefined) return null;
  const [a, b] = [rows.normalization, cols.normalization];
  const pixels = [rows.pixels, cols.pixels];
  if (a.kind === 'own') return b.kind === 'own' ? { own: true, offset: 0, factor: 1, pixels } : null;
  if (b.kind === 'own' || a.offset !== b.offset || a.factor !== b.factor) return null;
  return { own: false, offset: a.offset, factor: a.factor, pixels };
}

/** Runs the recursion of a task from its read-in into the arrays of `result`. */
export async function runFcn(
  machine: Machine,
  task: TileTask,
  { complement, rowVariance, colVariance }: ReadIn,
  result: TileResult,
  signal?: AbortSignal,
): Promise<void> {
  const { integers, numbers, depths } = tileNumbers(machine, task);
  const inputs = [Int32Array.from(integers), numbers, depths, complement, rowVariance, colVariance];
  await machine.library.call('fcn', [...inputs, ...outputsOf(result)], signal);
}
