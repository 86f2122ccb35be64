import type { Linalg } from '@tessera/linalg';
import type { Precision } from '@tessera/spec';
import { choleskyInPlace } from './cholesky-in-place.js';
import { entryError, smallestNormal, solverError } from './error-bound.js';
import {
  type Eigenform,
  type Filter,
  type KernelForm,
  ridgeTrainPredictions,
  type SolvedColumns,
} from './kernel-form.js';
import type { MatrixScan } from './matrix-scan.js';

/** A kernel matrix as it is. */
export class PlainForm implements KernelForm {
  readonly route = 'plain';
  readonly size: number;
  readonly center: Float64Array;
  readonly meanDeviation = 0;
  readonly trace: number;
  readonly underflow: string | null;
  readonly #matrix: Float64Array;
  readonly #frobenius: number;
  readonly #precision: Precision;

  /** @param matrix row-major m x m, exactly symmetric and finite */
  constructor(matrix: Float64Array, size: number, scan: MatrixScan, precision: Precision) {
    this.#matrix = matrix;
    this.size = size;
    this.center = new Float64Array(size);
    this.trace = scan.trace;
    this.underflow =
      scan.largest < smallestNormal.f64
        ? `The matrix underflows: its largest entry is ${scan.largest}.`
        : null;
    this.#frobenius = scan.frobenius;
    this.#precision = precision;
  }

  async solve(
    linalg: Linalg,
    shift: number,
    targets: readonly Float64Array[],
    classes: number,
  ): Promise<SolvedColumns[] | { failure: string }> {
    const sides = targets.map((target) => target.slice());
    const failure = await choleskyInPlace(linalg, this.#matrix, this.size, shift, null, sides, classes);
    if (failure !== null) return { failure };
    return sides.map((solutions, i) => ({
      solutions,
      slopes: new Float64Array(classes),
      constants: new Float64Array(classes),
      train: ridgeTrainPredictions(targets[i] as Float64Array, solutions, shift),
    }));
  }

  async eigh(linalg: Linalg, vectors: boolean): Promise<Eigenform> {
    const { size } = this;
    const eigen = await linalg.eigh(this.#matrix, size, vectors);
    const { values } = eigen;
    const rows = eigen.vectors;
    if (rows === null) return { values, filter: null };
    return {
      values,
      async filter(filters, labels, classes) {
        const projected = await linalg.gemm({ m: size, n: classes, k: size, a: rows, b: labels });
        const { weighted, learned } = filterRows(values, filters, projected, classes);
        const n = filters.length * classes;
        const back = (b: Float64Array) => linalg.gemm({ m: size, n, k: size, a: rows, transA: true, b });
        return {
          solutions: await back(weighted),
          slopes: new Float64Array(n),
          constants: new Float64Array(n),
          train: await back(learned),
        };
      },
    };
  }

  errorBound(values: Float64Array): number {
    return (
      solverError(this.size, values.at(-1) as number) +
      entryError(this.#precision, this.size, this.#frobenius)
    );
  }
}

/**
 * The components of labels along eigenvectors, filtered; both row-major values x (filters * classes).
 * @param projected row-major values x classes
 */
export function filterRows(
  values: Float64Array,
  filters: readonly Filter[],
  projected: Float64Array,
  classes: number,
): { weighted: Float64Array; learned: Float64Array } {
  const columns = filters.length * classes;
  const weighted = new Float64Array(values.length * columns);
  const learned = new Float64Array(values.length * columns);
  values.forEach((value, i) => {
    filters.forEach((filter, t) => {
      const { weight, progress } = filter(value);
      for (let c = 0; c < classes; c++) {
        const label = projected[i * classes + c] as number;
        weighted[i * columns + t * classes + c] = weight * label;
        learned[i * columns + t * classes + c] = progress * label;
      }
    });
  });
  return { weighted, learned };
}
