/**
 * A kernel matrix in complement form, M_ab = (d_a + d_b)/2 - E_ab with d = reference + deviation, seen in a basis whose
 * first direction is 1/sqrt(m):
 *
 *     H M H = [[alpha, beta^T], [beta, B]],  H = I - tau v v^T, v = 1/sqrt(m) + e_0, H 1 = -sqrt(m) e_0.
 *
 * What all images share is alpha alone; B = -(H E H)[1:, 1:] and beta hold what tells them apart, and no large number
 * is ever added to them. Where alpha dominates, the small eigenvalues keep their digits at any condition number.
 */
import { setImmediate } from 'node:timers/promises';
import type { Linalg } from '@tessera/linalg';
import { smallestNormal } from './error-bound.js';
import { gradeInPlace, type MatrixScan } from './matrix-passes.js';

/** Entries looked at between two turns of the event loop: 10 to 30 ms. */
const entriesATurn = 2 ** 24;

/** Runs `work` on bands of rows of an m-column matrix, giving way to the event loop between them. */
export async function byRows(
  rows: number,
  size: number,
  work: (first: number, end: number) => void,
): Promise<void> {
  const step = Math.max(1, Math.floor(entriesATurn / Math.max(1, size)));
  for (let first = 0; first < rows; first += step) {
    if (first > 0) await setImmediate();
    work(first, Math.min(first + step, rows));
  }
}

export interface GradedMatrix {
  /** m. */
  size: number;
  alpha: number;
  /** (m - 1). */
  beta: Float64Array;
  /** Row-major (m-1) x (m-1), exactly symmetric: the front of the complement's own buffer. */
  bulk: Float64Array;
  /** Largest row sum of |B|. */
  bulkNorm: number;
  /** Means of the rows of E. */
  center: Float64Array;
  meanDeviation: number;
  /** ||E||_F and ||E - mean E||_F: what rounding of entries and of the change of basis is measured by. */
  frobenius: number;
  centredFrobenius: number;
  /** Largest |E|. */
  largest: number;
}

/** The first direction stands out this many times over the bulk before the graded form gains anything. */
export const gradedRatio = 4;

/** alpha dominates: the bulk is computed apart from it. */
export function isGraded({
  size,
  alpha,
  bulkNorm,
}: Pick<GradedMatrix, 'size' | 'alpha' | 'bulkNorm'>): boolean {
  return (
    size >= 2 &&
    Number.isFinite(alpha) &&
    alpha / size >= smallestNormal.f64 &&
    alpha > gradedRatio * bulkNorm
  );
}

/**
 * Takes the complement into the basis H, in its own buffer: E less its mean (what is left cancels nothing), then
 * -(E - tau v p^T - ...)[1:, 1:] row by row to the buffer's front.
 * @param complement row-major m x m, exactly symmetric; overwritten where it is finite
 * @param deviations (m)
 */
export async function gradeMatrix(
  linalg: Linalg,
  complement: Float64Array,
  size: number,
  reference: number,
  deviations: Float64Array,
): Promise<{ scan: MatrixScan; graded: GradedMatrix }> {
  const { scan, ...found } = await gradeInPlace(linalg, complement, size, reference, deviations);
  const side = size - 1;
  const bulk = complement.subarray(0, side * side);
  return { scan, graded: { ...found, size, bulk, largest: scan.largest } };
}

/** The reflection H of m numbers. */
export interface Householder {
  tau: number;
  /** sqrt(m). */
  root: number;
  /** v_i. */
  entry(i: number): number;
  /** v . x. */
  dot(x: Float64Array): number;
  /** X <- H X in place, X row-major m x columns. */
  apply(x: Float64Array, columns: number): void;
}

export function householder(size: number): Householder {
  const root = Math.sqrt(size);
  const tau = 1 / (1 + 1 / root);
  const apply = (x: Float64Array, columns: number) => {
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let i = c; i < size * columns; i += columns) sum += x[i] as number;
      const share = (tau * ((x[c] as number) + sum / root)) / root;
      x[c] = (x[c] as number) - share * root;
      for (let i = c; i < size * columns; i += columns) x[i] = (x[i] as number) - share;
    }
  };
  return {
    tau,
    root,
    entry: (i) => 1 / root + (i === 0 ? 1 : 0),
    dot: (x) => (x[0] as number) + sum(x) / root,
    apply,
  };
}

/** Labels in the basis H: y0, the part along 1, and y', the rest. */
export interface RotatedLabels {
  /** (columns): -sqrt(m) times the mean; exactly 0 for labels centred over the images. */
  first: Float64Array;
  /** Row-major (m-1) x columns. */
  rest: Float64Array;
  /** (columns): the labels' means. */
  means: Float64Array;
}

/**
 * A mean at the level of rounding is zero: the first direction's eigenvalue is so much larger than all others that
 * it would learn the rounding.
 * @param labels row-major m x columns
 */
export function rotateLabels(labels: Float64Array, size: number, columns: number): RotatedLabels {
  const basis = householder(size);
  const rotated = labels.slice(0, size * columns);
  basis.apply(rotated, columns);
  const means = new Float64Array(columns);
  for (let c = 0; c < columns; c++) {
    const column = new Float64Array(size);
    let largest = 0;
    for (let i = 0; i < size; i++) {
      const label = labels[i * columns + c] as number;
      column[i] = label;
      largest = Math.max(largest, Math.abs(label));
    }
    const mean = sum(column) / size;
    means[c] = Math.abs(mean) <= 4 * Number.EPSILON * largest ? 0 : mean;
  }
  return { first: means.map((mean) => -basis.root * mean), rest: rotated.subarray(columns), means };
}

/** Compensated sum (Neumaier): labels are centred to the last bit, and the sum must show it. */
export function sum(values: Float64Array): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}
