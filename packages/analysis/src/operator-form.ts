import type { Linalg } from '@tessera/linalg';
import type { Precision } from '@tessera/spec';
import { type BlockProduct, largestEigenvalues, transpose } from './block-lanczos.js';
import { smallestNormal } from './error-bound.js';
import { finishRidge } from './graded-form.js';
import { gradedRatio, householder, rotateLabels, sum } from './graded-matrix.js';
import { ridgeTrainPredictions, type SolvedColumns } from './kernel-form.js';
import { deflation, dot, topVector } from './top-vector.js';

/** A kernel matrix as something that can be multiplied by, a pass over its tiles each time. */
export interface KernelOperator {
  /** E X, row-major m x columns like X. */
  multiply: BlockProduct;
  /** M X: asked for only where M is not graded. */
  multiplyMatrix: BlockProduct;
}

/** The operator in its form: what iterative methods work on. */
export interface OperatorForm {
  route: 'plain' | 'graded';
  center: Float64Array;
  meanDeviation: number;
  underflow: string | null;
  /** Rows of `bulkProduct` and `solveProduct`: m - 1 where it is graded. */
  bulkSize: number;
  /** The largest eigenvalue, where it stands apart, and the sum of all others; null where it does not. */
  top(): Promise<{ value: number; bulkTrace: number } | null>;
  /** Without the top eigenvalue, where that stands apart; after `top`. */
  bulkProduct: BlockProduct;
  /** What is common to the systems of all ridges. */
  solveProduct: BlockProduct;
  /** Adds the rest of a ridge's operator, applied to rows x, to rows of `solveProduct`. */
  addShift(image: Float64Array, x: Float64Array, count: number, shift: number): void;
  /** Right-hand sides, as rows. */
  rightSides(
    shift: number,
    targets: readonly Float64Array[],
    classes: number,
  ): { rows: Float64Array; count: number };
  /** Solutions of the ridge's targets from the solved rows. */
  finish(
    shift: number,
    targets: readonly Float64Array[],
    classes: number,
    rows: Float64Array,
  ): SolvedColumns[];
}

interface Parts {
  operator: KernelOperator;
  size: number;
  reference: number;
  deviations: Float64Array;
  diagonal: Float64Array;
  precision: Precision;
}

/** Block products that estimate the norm of the bulk: it decides the form, so a tenth is close enough. */
const normProducts = 3;

/** Looks at E's row means and at the size of its bulk to choose the form, as `analyzeMatrix` does. */
export async function openOperator(
  linalg: Linalg,
  { operator, size, reference, deviations, diagonal, precision }: Parts,
): Promise<OperatorForm | { notFinite: string }> {
  const sums = await operator.multiply(new Float64Array(size).fill(1), 1);
  const wrong = sums.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    return {
      notFinite: `the complement's entries are not all finite: the sum of row ${wrong} is ${sums[wrong]}`,
    };
  const center = sums.map((value) => value / size);
  const mean = sum(center) / size;
  const basis = householder(size);
  const meanDeviation = sum(deviations) / size;
  const alpha = size * (reference + meanDeviation - mean);
  // H E H e_0 = -sqrt(m) H (row means); H (deviations) / 2 goes with it.
  const mixed = center.map((value, i) => value - mean - (deviations[i] as number) / 2);
  basis.apply(mixed, 1);
  const beta = mixed.subarray(1).map((value) => basis.root * value);
  const side = size - 1;
  const bulk: BlockProduct = async (x, columns) => {
    const whole = new Float64Array(size * columns);
    whole.set(x, columns);
    basis.apply(whole, columns);
    const image = await operator.multiply(whole, columns);
    basis.apply(image, columns);
    return image.subarray(columns).map((value) => -value);
  };
  const isAlone = size >= 2 && Number.isFinite(alpha) && alpha / size >= smallestNormal.f64;
  const norm = isAlone ? await largestEigenvalues(linalg, bulk, side, 1, normProducts) : null;
  if (norm === null || !(alpha > gradedRatio * Math.abs(norm.values[0] as number))) {
    const probe = await operator.multiplyMatrix(new Float64Array(size).fill(1), 1);
    const bad = probe.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      return { notFinite: `the matrix's entries are not all finite: the sum of row ${bad} is ${probe[bad]}` };
    return plainOperator(operator.multiplyMatrix, size, reference, deviations);
  }

  let deflated: ReturnType<typeof deflation> | null = null;
  const bulkTrace = size * mean - sum(diagonal);
  const largest = Math.max(mean, ...center);
  return {
    route: 'graded',
    center,
    meanDeviation,
    underflow:
      largest < smallestNormal[precision]
        ? `The complement underflows: its largest row mean is ${largest}, and ${precision} cannot tell the images apart.`
        : null,
    bulkSize: side,
    async top() {
      const top = await topVector(alpha, beta, (x) => bulk(x, 1));
      deflated = deflation(alpha, beta, top);
      return { value: top.value, bulkTrace: bulkTrace - 2 * dot(deflated.z, deflated.y) };
    },
    async bulkProduct(x, columns) {
      if (deflated === null) throw new Error('The top vector comes first.');
      const { z, y } = deflated;
      const image = await bulk(x, columns);
      for (let c = 0; c < columns; c++) {
        let [alongZ, alongY] = [0, 0];
        for (let i = 0; i < side; i++) {
          alongZ += (z[i] as number) * (x[i * columns + c] as number);
          alongY += (y[i] as number) * (x[i * columns + c] as number);
        }
        for (let i = 0; i < side; i++) {
          const change = (z[i] as number) * alongY + (y[i] as number) * alongZ;
          image[i * columns + c] = (image[i * columns + c] as number) - change;
        }
      }
      return image;
    },
    solveProduct: bulk,
    addShift(image, x, count, shift) {
      for (let row = 0; row < count; row++) {
        const from = row * side;
        const along = dot(beta, x.subarray(from, from + side)) / (alpha + shift);
        for (let i = 0; i < side; i++) {
          const change = shift * (x[from + i] as number) - along * (beta[i] as number);
          image[from + i] = (image[from + i] as number) + change;
        }
      }
    },
    rightSides(shift, targets, classes) {
      const count = targets.length * classes;
      const rows = new Float64Array(count * side);
      targets.forEach((target, t) => {
        const { first, rest } = rotateLabels(target, size, classes);
        for (let c = 0; c < classes; c++) {
          const share = (first[c] as number) / (alpha + shift);
          for (let i = 0; i < side; i++) {
            rows[(t * classes + c) * side + i] =
              (rest[i * classes + c] as number) - share * (beta[i] as number);
          }
        }
      });
      return { rows, count };
    },
    finish(shift, targets, classes, rows) {
      return targets.map((target, t) => {
        const part = rows.subarray(t * classes * side, (t + 1) * classes * side);
        const { first, means } = rotateLabels(target, size, classes);
        const rest = transpose(part, classes, side);
        return finishRidge({ size, alpha, beta }, { first, means, rest }, target, shift);
      });
    },
  };
}

/** M as it is. */
function plainOperator(
  product: BlockProduct,
  size: number,
  reference: number,
  deviations: Float64Array,
): OperatorForm {
  const largest = deviations.reduce((most, value) => Math.max(most, Math.abs(reference + value)), 0);
  return {
    route: 'plain',
    center: new Float64Array(size),
    meanDeviation: 0,
    underflow:
      largest < smallestNormal.f64 ? `The matrix underflows: its largest variance is ${largest}.` : null,
    bulkSize: size,
    async top() {
      return null;
    },
    bulkProduct: product,
    solveProduct: product,
    addShift(image, x, count, shift) {
      for (let i = 0; i < count * size; i++) image[i] = (image[i] as number) + shift * (x[i] as number);
    },
    rightSides(_, targets, classes) {
      const rows = new Float64Array(targets.length * classes * size);
      targets.forEach((target, t) => {
        rows.set(transpose(target, size, classes), t * classes * size);
      });
      return { rows, count: targets.length * classes };
    },
    finish(shift, targets, classes, rows) {
      return targets.map((target, t) => {
        const part = rows.subarray(t * classes * size, (t + 1) * classes * size);
        const solutions = transpose(part, classes, size);
        return {
          solutions,
          slopes: new Float64Array(classes),
          constants: new Float64Array(classes),
          train: ridgeTrainPredictions(target, solutions, shift),
        };
      });
    },
  };
}
