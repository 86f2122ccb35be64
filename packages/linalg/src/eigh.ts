import { TesseraError } from '@tessera/spec';
import { type BlasCalls, int } from './blas-calls.js';
import { requireFinite, requireLength } from './finite.js';

export interface Eigendecomposition {
  /** Ascending, n of them. */
  values: Float64Array;
  /** Row-major n x n; row i is the eigenvector of values[i]. Null when they were not asked for. */
  vectors: Float64Array | null;
}

/** 32-bit LAPACK counts its workspace of 2n^2 numbers in an int. */
export const largestWithVectors = 32_765;

/**
 * Eigendecomposition of a symmetric matrix by divide and conquer (LAPACK dsyevd).
 * With vectors it needs workspace of two more matrices, without them almost none.
 * @param a n x n, exactly symmetric; overwritten, with vectors by them
 * @throws TesseraError linalg-failed on entries that are not finite, or when the iteration does not converge
 */
export async function eigh(
  calls: BlasCalls,
  a: Float64Array,
  n: number,
  vectors: boolean,
): Promise<Eigendecomposition> {
  requireLength('a', a, n * n);
  requireFinite('eigh', a, n * n);
  if (vectors && n > largestWithVectors) {
    throw new TesseraError(
      'linalg-failed',
      `eigh: eigenvectors of ${n} rows need a workspace that 32-bit LAPACK cannot count; it can up to ` +
        `${largestWithVectors} rows. Eigenvalues alone have no such limit.`,
    );
  }
  const values = new Float64Array(n);
  const info = int(0);
  await calls.run(n, (blas) => {
    // Room for blocks of 64: with the least that LAPACK accepts it reduces to tridiagonal form without blocks.
    const workLength = vectors ? 1 + 6 * n + 2 * n * n : 2 * n + 1 + 64 * n;
    const integers = vectors ? 3 + 5 * n : 1;
    const work = new Float64Array(workLength);
    const iwork = new Int32Array(integers);
    const job = vectors ? 'V' : 'N';
    // Symmetric: row-major is column-major. Eigenvectors come as columns of LAPACK's, rows of ours.
    // biome-ignore format: LAPACK's order
    return blas.dsyevd(job, 'L', int(n), a, int(n), values, work, int(workLength), iwork, int(integers), info);
  });
  if (info[0] !== 0) {
    throw new TesseraError('linalg-failed', `eigh: dsyevd of ${n} rows did not converge (info ${info[0]}).`);
  }
  return { values, vectors: vectors ? a : null };
}
