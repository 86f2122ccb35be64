import { type Linalg, mirrorUpper, NotPositiveDefiniteError } from '@tessera/linalg';
import { byRows } from './graded-matrix.js';

/**
 * Solves A X = B for each right-hand side by Cholesky, in A's own place: the factor takes the lower triangle and the
 * diagonal, which come back from the upper triangle, so that many ridges need no second matrix.
 * @param matrix row-major n x n, exactly symmetric and finite; unchanged when this returns
 * @param shift added to the diagonal
 * @param lower changes the lower triangle of rows first .. end - 1 before the factorisation, if given
 * @param sides each row-major n x columns; become solutions
 * @returns why there are no solutions, or null
 */
export async function choleskyInPlace(
  linalg: Linalg,
  matrix: Float64Array,
  size: number,
  shift: number,
  lower: ((first: number, end: number) => void) | null,
  sides: readonly Float64Array[],
  columns: number,
): Promise<string | null> {
  const diagonal = Float64Array.from({ length: size }, (_, i) => matrix[i * (size + 1)] as number);
  if (lower) await byRows(size, size, lower);
  for (let i = 0; i < size; i++) matrix[i * (size + 1)] = (matrix[i * (size + 1)] as number) + shift;
  try {
    await linalg.cholesky(matrix, size);
    for (const side of sides) {
      await linalg.choleskySolve(matrix, size, side, columns);
      if (!side.every(Number.isFinite)) return 'its solution is not finite';
    }
    return null;
  } catch (error) {
    if (!(error instanceof NotPositiveDefiniteError)) throw error;
    return `the matrix is not positive definite (pivot ${error.pivot} of ${size})`;
  } finally {
    await byRows(size, size, (first, end) => mirrorUpper(matrix, size, first, end));
    for (let i = 0; i < size; i++) matrix[i * (size + 1)] = diagonal[i] as number;
  }
}
