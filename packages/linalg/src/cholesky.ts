import { TesseraError } from '@tessera/spec';
import { type BlasCalls, int, real } from './blas-calls.js';
import { requireFinite, requireLength } from './finite.js';

/** A matrix has no Cholesky factor: its leading minor of order `pivot` (from 1) is not positive. */
export class NotPositiveDefiniteError extends TesseraError {
  readonly pivot: number;

  constructor(pivot: number, size: number) {
    super(
      'linalg-failed',
      `The matrix of ${size} rows is not positive definite: it fails at pivot ${pivot}.`,
    );
    this.pivot = pivot;
  }
}

/**
 * Cholesky factorisation A = L L^T in place (LAPACK dpotrf).
 * @param a row-major n x n; its lower triangle becomes L, the entries above the diagonal stay as they are
 * @throws NotPositiveDefiniteError with the pivot; TesseraError linalg-failed on entries that are not finite
 */
export async function cholesky(calls: BlasCalls, a: Float64Array, n: number): Promise<void> {
  requireLength('a', a, n * n);
  requireFinite('cholesky', a, n * n);
  const info = int(0);
  // Our lower triangle is LAPACK's upper one.
  await calls.run(n, (blas) => blas.dpotrf('U', int(n), a, int(n), info));
  const pivot = info[0] as number;
  if (pivot > 0) throw new NotPositiveDefiniteError(pivot, n);
  if (pivot < 0) throw new TesseraError('linalg-failed', `cholesky: dpotrf refuses argument ${-pivot}.`);
}

/**
 * Solves A X = B in place by the factor of `cholesky`, as dpotrs does, but from the right: our row-major B is
 * LAPACK's B^T, and X^T = B^T U^-1 U^-T needs no transposed copy.
 * @param l row-major n x n, lower triangle used
 * @param b row-major n x columns; becomes X
 */
export async function choleskySolve(
  calls: BlasCalls,
  l: Float64Array,
  n: number,
  b: Float64Array,
  columns: number,
): Promise<void> {
  requireLength('l', l, n * n);
  requireLength('b', b, n * columns);
  requireFinite('choleskySolve', b, n * columns);
  await calls.run(n, async (blas) => {
    for (const transposed of ['N', 'T'] as const) {
      // biome-ignore format: BLAS's order
      await blas.dtrsm('R', 'U', transposed, 'N', int(columns), int(n), real(1), l, int(n), b, int(columns));
    }
  });
}
