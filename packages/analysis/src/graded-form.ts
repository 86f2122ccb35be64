/**
 * Spectrum and predictors of a graded matrix [[alpha, beta^T], [beta, B]] in the basis H (see graded-matrix.ts),
 * alpha > 4 ||B||: nothing here adds numbers of alpha's size to numbers of B's. With y0, y' the labels in that basis,
 * g_t = (H(center - E_t))[1:] and u_t as in `StripPredictor`, a test image's row is a_t = -(alpha + u_t)/sqrt(m) along
 * the first direction and g_t - beta/sqrt(m) along the others; so a solution (x0, x') of (M + s I) x = y predicts
 * g_t . x' - (u_t - s) x0/sqrt(m) + mean(Y), and sum_i c_i w_i over eigenvectors predicts
 * g_t . x' - u_t x0/sqrt(m) - sum_i c_i lambda_i w_i0/sqrt(m).
 */
import type { Eigenbasis, EigenbasisMemory, Linalg } from '@tessera/linalg';
import type { Precision } from '@tessera/spec';
import { choleskyInPlace } from './cholesky-in-place.js';
import { basisError, entryError, smallestNormal, solverError } from './error-bound.js';
import { type GradedMatrix, householder, type RotatedLabels, rotateLabels } from './graded-matrix.js';
import { type Eigenform, type KernelForm, ridgeTrainPredictions, type SolvedColumns } from './kernel-form.js';
import { multiply, subtractRankTwo } from './matrix-passes.js';
import { filterRows, halves } from './plain-form.js';
import { deflation, shortening, type TopVector, topVector } from './top-vector.js';

export class GradedForm implements KernelForm {
  readonly route = 'graded';
  readonly size: number;
  readonly center: Float64Array;
  readonly meanDeviation: number;
  readonly trace: number;
  readonly underflow: string | null;
  readonly #graded: GradedMatrix;
  readonly #precision: Precision;

  /** @param trace of M */
  constructor(graded: GradedMatrix, trace: number, precision: Precision) {
    this.#graded = graded;
    this.size = graded.size;
    this.center = graded.center;
    this.meanDeviation = graded.meanDeviation;
    this.trace = trace;
    this.underflow =
      graded.largest < smallestNormal[precision]
        ? `The complement underflows: its largest entry is ${graded.largest}, and ${precision} cannot tell the images apart.`
        : null;
    this.#precision = precision;
  }

  /** By the Schur complement S = B + s I - beta beta^T/(alpha + s): S x' = y' - beta y0/(alpha + s). */
  async solve(
    linalg: Linalg,
    shift: number,
    targets: readonly Float64Array[],
    classes: number,
  ): Promise<SolvedColumns[] | { failure: string }> {
    const { alpha, beta, bulk, size } = this.#graded;
    const side = size - 1;
    const corner = alpha + shift;
    const labels = targets.map((target) => rotateLabels(target, size, classes));
    const sides = labels.map(({ first, rest }) =>
      rest.map(
        (value, i) =>
          value - (beta[Math.floor(i / classes)] as number) * ((first[i % classes] as number) / corner),
      ),
    );
    const lower = (first: number, end: number) => {
      for (let row = first; row < end; row++) {
        const factor = (beta[row] as number) / corner;
        for (let col = 0; col <= row; col++) {
          bulk[row * side + col] = (bulk[row * side + col] as number) - factor * (beta[col] as number);
        }
      }
    };
    const failure = await choleskyInPlace(linalg, bulk, side, shift, lower, sides, classes);
    if (failure !== null) return { failure };
    return sides.map((rest, i) => {
      const solved = { ...(labels[i] as RotatedLabels), rest };
      return finishRidge(this.#graded, solved, targets[i] as Float64Array, shift);
    });
  }

  async eigh(linalg: Linalg, vectors: boolean, memory?: EigenbasisMemory): Promise<Eigenform> {
    const { alpha, beta, bulk, size } = this.#graded;
    const side = size - 1;
    const top = await topVector(alpha, beta, (x) => multiply(linalg, bulk, side, x));
    const { z, y } = deflation(alpha, beta, top);
    await subtractRankTwo(linalg, bulk, side, z, y);
    const values = new Float64Array(size);
    values[side] = top.value;
    if (!vectors) {
      values.set((await linalg.eigh(bulk, side, false)).values);
      return { values, filter: null };
    }
    const basis = await linalg.eigenbasis(bulk, side, memory);
    values.set(basis.values);
    return { values, filter: gradedFilter(values, basis, top) };
  }

  errorBound(values: Float64Array): number {
    const { size, frobenius, centredFrobenius } = this.#graded;
    const largestOfBulk = Math.max(Math.abs(values[0] as number), Math.abs(values[size - 2] as number));
    return (
      solverError(size, largestOfBulk) +
      basisError(centredFrobenius) +
      entryError(this.#precision, size, frobenius)
    );
  }
}

/**
 * The whole solution of (M + shift I) X = Y from its part x' outside the first direction.
 * @param solved x' as `rest`, beside the labels' part along the first direction and their means
 * @param target Y, row-major m x columns
 */
export function finishRidge(
  { size, alpha, beta }: Pick<GradedMatrix, 'size' | 'alpha' | 'beta'>,
  { first, rest, means }: RotatedLabels,
  target: Float64Array,
  shift: number,
): SolvedColumns {
  const columns = first.length;
  const along = columnDots(beta, rest, columns);
  const x0 = first.map((value, c) => (value - (along[c] as number)) / (alpha + shift));
  const whole = join(x0, rest);
  householder(size).apply(whole, columns);
  return {
    ...ridgeColumns(size, x0, rest, means, shift),
    train: ridgeTrainPredictions(target, whole, shift),
  };
}

/** Slopes and constants of solutions (x0, x') of (M + shift I) x = y, and H (0, x'). */
function ridgeColumns(
  size: number,
  x0: Float64Array,
  rest: Float64Array,
  means: Float64Array,
  shift: number,
): Omit<SolvedColumns, 'train'> {
  const columns = x0.length;
  const root = Math.sqrt(size);
  const solutions = join(new Float64Array(columns), rest);
  householder(size).apply(solutions, columns);
  return {
    solutions,
    slopes: x0.map((value) => -value / root),
    constants: x0.map((value, c) => (means[c] as number) + (shift * value) / root),
  };
}

/** A first row above the others. */
function join(first: Float64Array, rest: Float64Array): Float64Array {
  const whole = new Float64Array(first.length + rest.length);
  whole.set(first);
  whole.set(rest, first.length);
  return whole;
}

/**
 * The bulk's eigenvectors are w' = Y_i - c z p_i, w_0 = -p_i/sqrt(1 + n) with p_i = z.Y_i, the top one is
 * (1, z)/sqrt(1 + n). They stay in the basis H and in this form: turned back, or written out, they would lose z.
 * @param values all m, ascending
 * @param basis of C, m - 1 eigenvectors Y_i
 */
function gradedFilter(
  values: Float64Array,
  basis: Eigenbasis,
  { z, n }: TopVector,
): NonNullable<Eigenform['filter']> {
  const size = values.length;
  const side = size - 1;
  const c = shortening(n);
  const length = Math.sqrt(1 + n);
  return async (filters, labels, classes) => {
    const { first, rest } = rotateLabels(labels, size, classes);
    const zLabels = columnDots(z, rest, classes);
    // z goes through the basis beside the labels, as their last column.
    const wide = classes + 1;
    const joined = new Float64Array(side * wide);
    for (let i = 0; i < side; i++) {
      joined.set(rest.subarray(i * classes, (i + 1) * classes), i * wide);
      joined[i * wide + classes] = z[i] as number;
    }
    const along = await basis.project(joined, wide);
    const p = Float64Array.from({ length: side }, (_, i) => along[i * wide + classes] as number);
    const projected = new Float64Array(size * classes);
    for (let k = 0; k < classes; k++) {
      const share = (first[k] as number) / length + c * (zLabels[k] as number);
      for (let i = 0; i < side; i++) {
        projected[i * classes + k] = (along[i * wide + k] as number) - (p[i] as number) * share;
      }
      projected[side * classes + k] = ((first[k] as number) + (zLabels[k] as number)) / length;
    }
    const columns = filters.length * classes;
    const filtered = filterRows(values, filters, projected, classes);
    const both = 2 * columns;
    const bulk = filtered.subarray(0, side * both);
    const top = filtered.subarray(side * both);
    const others = await basis.expand(bulk, both);
    const shares = columnDots(p, bulk, both);
    const whole = new Float64Array(size * both);
    whole.set(others, both);
    const alongZ = new Float64Array(both);
    for (let k = 0; k < both; k++) {
      const alongTop = (top[k] as number) / length;
      whole[k] = alongTop - (shares[k] as number) / length;
      alongZ[k] = alongTop - c * (shares[k] as number);
    }
    for (let row = 0; row < side; row++) {
      const to = (row + 1) * both;
      const entry = z[row] as number;
      for (let k = 0; k < both; k++)
        whole[to + k] = (whole[to + k] as number) + entry * (alongZ[k] as number);
    }
    const { solutions, train } = halves(whole, columns);
    const constants = train.subarray(0, columns).map((value) => -value / Math.sqrt(size));
    const solved = ridgeColumns(size, solutions.slice(0, columns), solutions.subarray(columns), constants, 0);
    householder(size).apply(train, columns);
    return { ...solved, train };
  };
}

/** x . each column of a row-major matrix. */
function columnDots(x: Float64Array, matrix: Float64Array, columns: number): Float64Array {
  const dots = new Float64Array(columns);
  for (let row = 0; row < x.length; row++) {
    for (let k = 0; k < columns; k++) {
      dots[k] = (dots[k] as number) + (x[row] as number) * (matrix[row * columns + k] as number);
    }
  }
  return dots;
}
