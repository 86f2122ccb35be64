/** Passes of the native library over whole matrices, each on one core. */
import type { Linalg } from '@tessera/linalg';
import { nativeLoops } from './native-loops.js';

/** Below this many rows a pass over a matrix is over in some tens of microseconds: less than a thread takes to wake. */
const quickSize = 600;

async function pass(
  linalg: Linalg,
  name: 'scan' | 'grade' | 'multiply' | 'subtractRankTwo',
  size: number,
  args: readonly unknown[],
): Promise<void> {
  const loops = nativeLoops();
  const all = [Int32Array.of(loops.isa, size), ...args];
  if (size <= quickSize) loops.callNow(name, all);
  else await linalg.cores.run(1, () => loops.call(name, all));
}

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
export async function scanMatrix(linalg: Linalg, matrix: Float64Array, size: number): Promise<MatrixScan> {
  const numbers = new Float64Array(5);
  await pass(linalg, 'scan', size, [matrix, numbers]);
  return scanOf(numbers, size);
}

function scanOf(numbers: Float64Array, size: number): MatrixScan {
  const [notFinite, first, largest, trace, squares] = numbers as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const firstNotFinite = first < 0 ? null : { row: Math.floor(first / size), col: first % size };
  // Squares may under- or overflow where the entries do not: then the largest entry stands for all.
  const safe = squares > 0 && squares <= Number.MAX_VALUE && largest > 2 ** -500;
  return { notFinite, firstNotFinite, largest, trace, frobenius: safe ? Math.sqrt(squares) : size * largest };
}

/** What `gradeMatrix` finds beside the matrix it leaves. */
export interface Grading {
  scan: MatrixScan;
  alpha: number;
  beta: Float64Array;
  bulkNorm: number;
  center: Float64Array;
  meanDeviation: number;
  frobenius: number;
  centredFrobenius: number;
}

/** The native part of `gradeMatrix`. Where entries are not finite the matrix stays as it is. */
export async function gradeInPlace(
  linalg: Linalg,
  complement: Float64Array,
  size: number,
  reference: number,
  deviations: Float64Array,
): Promise<Grading> {
  const center = new Float64Array(size);
  const beta = new Float64Array(size - 1);
  const numbers = new Float64Array(10);
  numbers[0] = reference;
  await pass(linalg, 'grade', size, [complement, deviations, center, beta, numbers]);
  const [alpha, bulkNorm, meanDeviation, frobenius, centredFrobenius] = numbers.subarray(5) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const scan = scanOf(numbers, size);
  return { scan, alpha, beta, bulkNorm, center, meanDeviation, frobenius, centredFrobenius };
}

/** A x of a row-major matrix, (size). */
export async function multiply(
  linalg: Linalg,
  matrix: Float64Array,
  size: number,
  x: Float64Array,
): Promise<Float64Array> {
  const product = new Float64Array(size);
  await pass(linalg, 'multiply', size, [matrix, x, product]);
  return product;
}

/** A - z y^T - y z^T in place, on and above the diagonal alone: the triangle that LAPACK reads. */
export function subtractRankTwo(
  linalg: Linalg,
  matrix: Float64Array,
  size: number,
  z: Float64Array,
  y: Float64Array,
): Promise<void> {
  return pass(linalg, 'subtractRankTwo', size, [matrix, z, y]);
}
