import { byRows } from './graded-matrix.js';

/** What one look at every entry tells. */
export interface MatrixScan {
  /** Entries that are NaN or infinite. */
  notFinite: number;
  /** Position of the first of them, or null. */
  firstNotFinite: { row: number; col: number } | null;
  /** Largest magnitude of the finite entries. */
  largest: number;
  /** Sum of the diagonal, in index order. */
  trace: number;
  /** Root of the sum of squares of the finite entries; infinite where that overflows. */
  frobenius: number;
}

/** @param matrix row-major size x size */
export async function scanMatrix(matrix: Float64Array, size: number): Promise<MatrixScan> {
  const found = { notFinite: 0, first: -1, largest: 0, squares: 0 };
  await byRows(size, size, (firstRow, endRow) => {
    // Local variables: V8 keeps numbers that a closure shares on its heap, eight times as slow.
    let { notFinite, first, largest, squares } = found;
    for (let i = firstRow * size; i < endRow * size; i++) {
      const value = matrix[i] as number;
      const magnitude = Math.abs(value);
      if (magnitude <= Number.MAX_VALUE) {
        squares += value * value;
        if (magnitude > largest) largest = magnitude;
      } else {
        if (first < 0) first = i;
        notFinite++;
      }
    }
    Object.assign(found, { notFinite, first, largest, squares });
  });
  const { notFinite, first, largest, squares } = found;
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i] as number;
  const firstNotFinite = first < 0 ? null : { row: Math.floor(first / size), col: first % size };
  // Squares may under- or overflow where the entries do not: then the largest entry stands for all.
  const safe = squares > 0 && squares <= Number.MAX_VALUE && largest > 2 ** -500;
  return { notFinite, firstNotFinite, largest, trace, frobenius: safe ? Math.sqrt(squares) : size * largest };
}
