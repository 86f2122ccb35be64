import { TesseraError } from '@tessera/spec';
import { type BlasCalls, int } from './blas-calls.js';
import { largestWithVectors } from './eigh.js';
import { requireLength } from './finite.js';
import { gemm } from './products.js';

/**
 * Eigenvalues of a symmetric matrix, and its eigenvectors V (as rows) as something that can be multiplied by. They stay
 * in the factors Q Z that LAPACK finds them in: Q takes the matrix to tridiagonal form, Z decomposes that. For a few
 * columns this saves the product of both, 2 n^3 operations of some six.
 */
export interface Eigenbasis {
  /** Ascending, n of them. */
  values: Float64Array;
  /** V X, row-major n x columns like X. */
  project(x: Float64Array, columns: number): Promise<Float64Array>;
  /** V^T C, row-major n x columns like C. */
  expand(c: Float64Array, columns: number): Promise<Float64Array>;
}

/** What a decomposition of n rows works in; may be used again once its eigenbasis is not. */
export interface EigenbasisMemory {
  /** Z, n x n. */
  z: Float64Array;
  work: Float64Array;
}

export function eigenbasisMemory(n: number): EigenbasisMemory {
  return { z: new Float64Array(n * n), work: new Float64Array(Math.max(1 + 4 * n + n * n, 64 * n)) };
}

/** Outside this range of largest entries dsyevd scales; so do we, by a power of two. */
const [smallest, largest] = [2 ** -480, 2 ** 480];

/**
 * As `eigh` with vectors, by the same steps (LAPACK dsytrd, dstedc) but the last. Memory of two more matrices.
 * @param a n x n, symmetric, of which entries with row <= column are read; overwritten, and part of the eigenbasis
 * @throws TesseraError linalg-failed on entries that are not finite, or when the iteration does not converge
 */
export async function eigenbasis(
  calls: BlasCalls,
  a: Float64Array,
  n: number,
  memory: EigenbasisMemory = eigenbasisMemory(n),
): Promise<Eigenbasis> {
  requireLength('a', a, n * n);
  if (n > largestWithVectors) {
    throw new TesseraError('linalg-failed', `eigenbasis: ${n} rows are more than 32-bit LAPACK can count.`);
  }
  const { z, work } = memory;
  const scale = scaleUpper(a, n);
  const [values, offDiagonal, tau] = [n, n, n].map((length) => new Float64Array(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const info = int(0);
  const check = (routine: string) => {
    if (info[0] !== 0) {
      throw new TesseraError('linalg-failed', `${routine} of ${n} rows did not converge (info ${info[0]}).`);
    }
  };
  await calls.run(n, async (blas) => {
    // Our upper triangle is LAPACK's lower one.
    await blas.dsytrd('L', int(n), a, int(n), values, offDiagonal, tau, work, int(work.length), info);
    check('dsytrd');
    const integers = 3 + 5 * n;
    const iwork = new Int32Array(integers);
    // biome-ignore format: LAPACK's order
    await blas.dstedc('I', int(n), values, offDiagonal, z, int(n), work, int(work.length), iwork, int(integers), info);
    check('dstedc');
  });
  if (scale !== 1) for (let i = 0; i < n; i++) values[i] = (values[i] as number) / scale;

  /** Q X or Q^T X in place. Row-major X is LAPACK's X^T, which Q is applied to from the right. */
  const applyQ = async (transposed: boolean, x: Float64Array, columns: number) => {
    const room = new Float64Array(Math.max(1, 64 * columns));
    const trans = transposed ? 'N' : 'T';
    await calls.run(n, (blas) =>
      // biome-ignore format: LAPACK's order
      blas.dormtr('R', 'L', trans, int(columns), int(n), a, int(n), tau, x, int(columns), room, int(room.length), info),
    );
    check('dormtr');
  };
  return {
    values,
    async project(x, columns) {
      const turned = x.slice(0, n * columns);
      await applyQ(true, turned, columns);
      return gemm(calls, { m: n, n: columns, k: n, a: z, b: turned });
    },
    async expand(c, columns) {
      const turned = await gemm(calls, { m: n, n: columns, k: n, a: z, transA: true, b: c });
      await applyQ(false, turned, columns);
      return turned;
    },
  };
}

/** Scales a matrix whose squares would leave the range of numbers. @returns the factor, a power of two */
function scaleUpper(a: Float64Array, n: number): number {
  let most = 0;
  let sum = 0;
  for (let row = 0; row < n; row++) {
    for (let i = row * (n + 1); i < (row + 1) * n; i++) {
      const value = a[i] as number;
      const magnitude = Math.abs(value);
      if (magnitude > most) most = magnitude;
      sum += value - value;
    }
  }
  if (sum !== 0) {
    throw new TesseraError(
      'linalg-failed',
      'eigenbasis: not all entries are finite; LAPACK takes finite numbers only.',
    );
  }
  if (most === 0 || (most >= smallest && most <= largest)) return 1;
  const scale = 2 ** Math.max(-1000, Math.min(1000, -Math.floor(Math.log2(most))));
  for (let row = 0; row < n; row++) {
    for (let i = row * (n + 1); i < (row + 1) * n; i++) a[i] = (a[i] as number) * scale;
  }
  return scale;
}
