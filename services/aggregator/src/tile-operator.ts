import type { KernelOperator } from '@tessera/analysis';
import type { Linalg } from '@tessera/linalg';
import type { KernelName } from '@tessera/spec';
import type { KernelBlock, TileView } from '@tessera/store';
import type { TrainTiles } from './train-tiles.js';

/** One depth of a kernel and of its complement as operators, a pass over the stored tiles each time. */
export function tileOperator(
  linalg: Linalg,
  tiles: TrainTiles,
  kind: KernelName,
  depthIndex: number,
): KernelOperator {
  const product = (block: KernelBlock) => (x: Float64Array, columns: number) =>
    multiply(linalg, tiles, { kind, block, depthIndex }, x, columns);
  return { multiply: product('train_train_complement'), multiplyMatrix: product('train_train') };
}

/** The diagonal of E at one depth, (m). @throws NotYet as TrainTiles does */
export async function complementDiagonal(
  tiles: TrainTiles,
  kind: KernelName,
  depthIndex: number,
  size: number,
): Promise<Float64Array> {
  const diagonal = new Float64Array(size);
  await tiles.eachTile(kind, 'train_train_complement', depthIndex, async (tile) => {
    const { rowStart, colStart, rows, stride, values } = tile;
    if (rowStart !== colStart) return;
    for (let i = 0; i < rows; i++) diagonal[rowStart + i] = values[i * stride + i] as number;
  });
  return diagonal;
}

/**
 * A symmetric matrix times X from the tiles on and above its diagonal, one in memory at a time.
 * @param x row-major m x columns
 * @returns the same shape
 * @throws NotYet as TrainTiles does
 */
async function multiply(
  linalg: Linalg,
  tiles: TrainTiles,
  { kind, block, depthIndex }: { kind: KernelName; block: KernelBlock; depthIndex: number },
  x: Float64Array,
  columns: number,
): Promise<Float64Array> {
  const product = new Float64Array(x.length);
  const rowsOf = (start: number, count: number) => x.subarray(start * columns, (start + count) * columns);
  await tiles.eachTile(kind, block, depthIndex, async (tile) => {
    const { rowStart, colStart, rows, cols } = tile;
    const a = compact(tile);
    const right = { n: columns, k: cols, a, b: rowsOf(colStart, cols) };
    add(product, rowStart * columns, await linalg.gemm({ m: rows, ...right }));
    if (rowStart === colStart) return;
    const left = { n: columns, k: rows, a, transA: true, b: rowsOf(rowStart, rows) };
    add(product, colStart * columns, await linalg.gemm({ m: cols, ...left }));
  });
  return product;
}

/** The tile's numbers without what pads it, rows x cols float64. */
function compact({ values, rows, cols, stride }: TileView): Float64Array {
  if (cols === stride && values instanceof Float64Array) return values.subarray(0, rows * cols);
  const numbers = new Float64Array(rows * cols);
  for (let row = 0; row < rows; row++)
    numbers.set(values.subarray(row * stride, row * stride + cols), row * cols);
  return numbers;
}

function add(total: Float64Array, offset: number, part: Float64Array): void {
  for (let i = 0; i < part.length; i++)
    total[offset + i] = (total[offset + i] as number) + (part[i] as number);
}
