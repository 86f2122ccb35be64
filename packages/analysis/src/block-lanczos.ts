import type { Linalg } from '@tessera/linalg';
import { orthonormalize, randomRows } from './orthonormal-rows.js';

/** X to A X of a symmetric A, both row-major n x columns. */
export type BlockProduct = (x: Float64Array, columns: number) => Promise<Float64Array>;

export interface LargestEigenvalues {
  /** Ascending. */
  values: Float64Array;
  /** Of each: an eigenvalue of A lies no further from it than this. */
  residuals: Float64Array;
  converged: boolean;
  products: number;
}

/** Columns multiplied at a time: what streams past is used this often. */
const blockSize = 8;

/** Of an eigenvalue: its error is the square of this, over the distance to the next. */
const tolerance = 1e-10;

/** Rounding of a product, relative to the largest eigenvalue. */
const rounding = 1e-14;

/**
 * The largest eigenvalues of a symmetric operator by block Lanczos with full reorthogonalisation and thick restarts: the
 * basis is projected explicitly, and cut to its best Ritz vectors when it is full. Memory of 4 (count + 32) vectors.
 * Source: Wu and Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems" (2000).
 * @param size n
 * @param mostProducts limit of block products
 */
export async function largestEigenvalues(
  linalg: Linalg,
  product: BlockProduct,
  size: number,
  count: number,
  mostProducts = 500,
): Promise<LargestEigenvalues> {
  const width = Math.min(blockSize, size);
  const capacity = Math.min(size, Math.max(2 * count, count + 8 * blockSize));
  /** Rows are basis vectors. */
  const basis = new Float64Array(capacity * size);
  /** The operator projected on the basis. */
  let projected: Float64Array = new Float64Array(0);
  let held = 0;
  let block = await newDirections(linalg, randomRows(width, size), width, size, basis, 0);
  for (let products = 1; ; products++) {
    const rows = Math.min(block.rank, capacity - held);
    basis.set(block.rows.subarray(0, rows * size), held * size);
    const first = held;
    held += rows;
    const known = basis.subarray(0, held * size);
    const image = await product(transpose(known.subarray(first * size), rows, size), rows);
    const b = transpose(image, size, rows);
    const coefficients = await linalg.gemm({ m: rows, n: held, k: size, a: b, b: known, transB: true });
    projected = extended(projected, first, coefficients, rows);
    const { values, vectors } = await linalg.eigh(projected.slice(), held, true);
    const ritz = vectors as Float64Array;
    const next = await newDirections(linalg, b, rows, size, known, held);

    const found = Math.min(count, held);
    const wanted = values.slice(held - found);
    const residuals = Float64Array.from({ length: found }, (_, i) => {
      const last = ritz.subarray((held - found + i) * held + first, (held - found + i + 1) * held);
      return rowNorm(last, next.factors, rows);
    });
    const largest = Math.abs(values[held - 1] as number);
    const isSmall = (residual: number, i: number) =>
      residual <= Math.max(tolerance * Math.abs(wanted[i] as number), rounding * largest);
    const whole = held === size;
    const converged = found === count && (whole || residuals.every(isSmall));
    if (converged || whole || products >= mostProducts)
      return { values: wanted, residuals, converged, products };

    if (held + rows > capacity) {
      const kept = Math.min(held, Math.max(count, Math.floor(capacity / 2)), capacity - rows);
      const chosen = ritz.subarray((held - kept) * held);
      basis.set(await linalg.gemm({ m: kept, n: size, k: held, a: chosen, b: known }));
      projected = new Float64Array(kept * kept);
      for (let i = 0; i < kept; i++) projected[i * (kept + 1)] = values[held - kept + i] as number;
      held = kept;
    }
    // An invariant space: other directions come from chance.
    block =
      next.rank > 0
        ? next
        : await newDirections(linalg, randomRows(width, size, products), width, size, basis, held);
  }
}

/**
 * The part of rows outside a basis, orthonormal: projected and orthonormalised twice, because what is nearly dependent
 * is stretched. x = (part along the basis) + F Q.
 */
async function newDirections(
  linalg: Linalg,
  x: Float64Array,
  count: number,
  size: number,
  basis: Float64Array,
  held: number,
): Promise<{ rows: Float64Array; rank: number; factors: Float64Array }> {
  const project = async (rows: Float64Array, m: number) => {
    if (held === 0 || m === 0) return;
    const b = basis.subarray(0, held * size);
    const a = await linalg.gemm({ m, n: held, k: size, a: rows, b, transB: true });
    await linalg.gemm({ m, n: size, k: held, a, b, c: rows, alpha: -1, beta: 1 });
  };
  await project(x, count);
  const once = orthonormalize(x, count, size);
  await project(x, once.rank);
  // Of a unit vector little is left: it was rounding, and lies in the basis.
  const twice = orthonormalize(x, once.rank, size, 0.1);
  const factors = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < twice.rank; j++) {
      let entry = 0;
      for (let k = 0; k < once.rank; k++) {
        entry += (once.factors[i * count + k] as number) * (twice.factors[k * once.rank + j] as number);
      }
      factors[i * count + j] = entry;
    }
  }
  return { rows: x, rank: twice.rank, factors };
}

/** Length of a row vector times a square matrix. */
function rowNorm(row: Float64Array, matrix: Float64Array, size: number): number {
  let squares = 0;
  for (let j = 0; j < size; j++) {
    let entry = 0;
    for (let k = 0; k < size; k++) entry += (row[k] as number) * (matrix[k * size + j] as number);
    squares += entry * entry;
  }
  return Math.sqrt(squares);
}

/** The projected operator with the coefficients of `rows` new basis vectors, exactly symmetric. */
function extended(old: Float64Array, held: number, coefficients: Float64Array, rows: number) {
  const size = held + rows;
  const grown = new Float64Array(size * size);
  for (let row = 0; row < held; row++) grown.set(old.subarray(row * held, (row + 1) * held), row * size);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < held + row + 1; col++) {
      const value = coefficients[row * size + col] as number;
      grown[(held + row) * size + col] = value;
      grown[col * size + held + row] = value;
    }
  }
  return grown;
}

/** @param x row-major rows x columns */
export function transpose(x: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < columns; col++) out[col * rows + row] = x[row * columns + col] as number;
  }
  return out;
}
