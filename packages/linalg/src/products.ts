import { type BlasCalls, int, real } from './blas-calls.js';
import { requireLength } from './finite.js';

/** C = alpha op(A) op(B) + beta C, everything row-major and without gaps. */
export interface GemmRequest {
  /** Rows of C and op(A). */
  m: number;
  /** Columns of C and op(B). */
  n: number;
  /** Columns of op(A), rows of op(B). */
  k: number;
  /** m x k, or k x m with transA. */
  a: Float64Array;
  /** k x n, or n x k with transB. */
  b: Float64Array;
  /** m x n; written in place. Made when left out. */
  c?: Float64Array;
  transA?: boolean;
  transB?: boolean;
  /** Default 1. */
  alpha?: number;
  /** Default 0: what c held is not read. */
  beta?: number;
}

/** General matrix product (BLAS dgemm). NaN and infinities stay in the rows and columns they come from. */
export async function gemm(calls: BlasCalls, request: GemmRequest): Promise<Float64Array> {
  const { m, n, k, a, b, transA = false, transB = false, alpha = 1, beta = 0 } = request;
  const c = request.c ?? new Float64Array(m * n);
  requireLength('a', a, m * k);
  requireLength('b', b, k * n);
  requireLength('c', c, m * n);
  // A product of row-major matrices is BLAS's product of the transposed ones in the other order.
  await calls.run(Math.min(m, n, k), (blas) =>
    blas.dgemm(
      ...([transB ? 'T' : 'N', transA ? 'T' : 'N', int(n), int(m), int(k), real(alpha)] as const),
      ...([b, int(transB ? k : n), a, int(transA ? m : k), real(beta), c, int(n)] as const),
    ),
  );
  return c;
}

/** A x of a symmetric matrix (BLAS dsymv), of which entries with row <= column are read. @param a row-major n x n */
export async function symv(
  calls: BlasCalls,
  a: Float64Array,
  n: number,
  x: Float64Array,
): Promise<Float64Array> {
  const y = new Float64Array(n);
  requireLength('a', a, n * n);
  requireLength('x', x, n);
  await calls.run(n, (blas) => blas.dsymv('L', int(n), real(1), a, int(n), x, int(1), real(0), y, int(1)));
  return y;
}

/** C = alpha A A^T + beta C, or alpha A^T A + beta C with transA; row-major and without gaps. */
export interface SyrkRequest {
  /** Rows and columns of C. */
  n: number;
  /** The length that is summed over. */
  k: number;
  /** n x k, or k x n with transA. */
  a: Float64Array;
  /** n x n, symmetric; written in place. Made when left out. */
  c?: Float64Array;
  transA?: boolean;
  /** Default 1. */
  alpha?: number;
  /** Default 0: what c held is not read. */
  beta?: number;
}

/** Symmetric product (BLAS dsyrk), at half of gemm's work. Both triangles of the result are filled, equal bit for bit. */
export async function syrk(calls: BlasCalls, request: SyrkRequest): Promise<Float64Array> {
  const { n, k, a, transA = false, alpha = 1, beta = 0 } = request;
  const c = request.c ?? new Float64Array(n * n);
  requireLength('a', a, n * k);
  requireLength('c', c, n * n);
  const transposed = transA ? 'N' : 'T';
  await calls.run(n, (blas) =>
    blas.dsyrk('L', transposed, int(n), int(k), real(alpha), a, int(transA ? n : k), real(beta), c, int(n)),
  );
  mirrorUpper(c, n, 0, n);
  return c;
}

/**
 * Copies the triangle above the diagonal of a row-major n x n matrix below it, for rows first .. end - 1, in blocks
 * that stay in cache.
 */
export function mirrorUpper(a: Float64Array, n: number, first: number, end: number): void {
  const block = 32;
  for (let rowBlock = first; rowBlock < end; rowBlock += block) {
    const rowEnd = Math.min(rowBlock + block, end);
    for (let colBlock = 0; colBlock < rowEnd; colBlock += block) {
      for (let row = rowBlock; row < rowEnd; row++) {
        const colEnd = Math.min(colBlock + block, row);
        for (let col = colBlock; col < colEnd; col++) a[row * n + col] = a[col * n + row] as number;
      }
    }
  }
}
