import type { Linalg } from '@tessera/linalg';
import type { KernelName } from '@tessera/spec';
import type { TileView } from '@tessera/store';
import type { TrainTiles } from './train-tiles.js';

/**
 * E X for the complement E of one depth, from the tiles on and above its diagonal, one in memory at a time: what an
 * analysis out of core is made of.
 * @param x row-major m x columns
 * @returns the same shape
 * @throws NotYet as TrainTiles does
 */
export async function multiplyComplement(
  linalg: Linalg,
  tiles: TrainTiles,
  kind: KernelName,
  depthIndex: number,
  x: Float64Array,
  columns: number,
): Promise<Float64Array> {
  const product = new Float64Array(x.length);
  await tiles.eachTile(kind, 'train_train_complement', depthIndex, async (tile) => {
    const { rowStart, colStart, rows, cols } = tile;
    const a = compact(tile);
    const from = (start: number, count: number) => x.subarray(start * columns, (start + count) * columns);
    const below = await linalg.gemm({ m: rows, n: columns, k: cols, a, b: from(colStart, cols) });
    add(product, rowStart * columns, below);
    if (rowStart === colStart) return;
    const beside = await linalg.gemm({
      m: cols,
      n: columns,
      k: rows,
      a,
      transA: true,
      b: from(rowStart, rows),
    });
    add(product, colStart * columns, beside);
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
