import type { EigenbasisMemory, Linalg } from '@tessera/linalg';

/** Solution vectors of some columns, and what they predict on the training images. */
export interface SolvedColumns {
  /** Row-major m x columns, with slopes and constants (columns) as in `StripPredictor`. */
  solutions: Float64Array;
  slopes: Float64Array;
  constants: Float64Array;
  /** Predictions on the training images, row-major m x columns. */
  train: Float64Array;
}

/** What a spectral function makes of an eigenvalue: `progress` of a label's component is learned, by `weight` times it. */
export type Filter = (eigenvalue: number) => { weight: number; progress: number };

/** An eigendecomposition in the basis of its form. */
export interface Eigenform {
  /** Ascending. */
  values: Float64Array;
  /**
   * Applies every filter to the labels: columns of filter t are t * classes ... Null where the vectors were not asked
   * for.
   */
  filter:
    | ((filters: readonly Filter[], labels: Float64Array, classes: number) => Promise<SolvedColumns>)
    | null;
}

/** A kernel matrix in the form that keeps its digits: plain, or graded. Holds one buffer of m x m numbers. */
export interface KernelForm {
  readonly route: 'plain' | 'graded';
  readonly size: number;
  /** As in `StripPredictor`. */
  readonly center: Float64Array;
  readonly meanDeviation: number;
  readonly trace: number;
  /** Why its digits are lost below the smallest normal number, or null. */
  readonly underflow: string | null;
  /**
   * Solves (M + shift I) X = Y by Cholesky for each of the targets, one by one, so that the bits of one do not depend
   * on which others there are. Leaves the matrix as it was.
   */
  solve(
    linalg: Linalg,
    shift: number,
    targets: readonly Float64Array[],
    classes: number,
  ): Promise<SolvedColumns[] | { failure: string }>;
  /** Overwrites the matrix: the last call. @throws TesseraError linalg-failed when LAPACK does not converge */
  eigh(linalg: Linalg, vectors: boolean, memory?: EigenbasisMemory): Promise<Eigenform>;
  /** Bound of the error of every eigenvalue, in absolute numbers. @param values all eigenvalues, ascending */
  errorBound(values: Float64Array): number;
}

/** Predictions on the training images, M X = Y - shift X: exact algebra, where the product M X would add rounding. */
export function ridgeTrainPredictions(
  targets: Float64Array,
  solution: Float64Array,
  shift: number,
): Float64Array {
  return targets.map((target, i) => (shift === 0 ? target : target - shift * (solution[i] as number)));
}
