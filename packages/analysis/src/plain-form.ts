import type { EigenbasisMemory, Linalg } from '@tessera/linalg';
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
import type { MatrixScan } from './matrix-passes.js';

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

  async eigh(linalg: Linalg, vectors: boolean, memory?: EigenbasisMemory): Promise<Eigenform> {
    const { size } = this;
    if (!vectors) {
      const { values } = await linalg.eigh(this.#matrix, size, false);
      return { values, filter: null };
    }
    const basis = await linalg.eigenbasis(this.#matrix, size, memory);
    return {
      values: basis.values,
      async filter(filters, labels, classes) {
        const projected = await basis.project(labels, classes);
        const filtered = filterRows(basis.values, filters, projected, classes);
        const columns = filters.length * classes;
        const { solutions, train } = halves(await basis.expand(filtered, 2 * columns), columns);
        return {
          solutions,
          slopes: new Float64Array(columns),
          constants: new Float64Array(columns),
          train,
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
 * The components of labels along eigenvectors, filtered: row-major values x (2 * filters * classes), by every filter's
 * weight first, then by every filter's progress.
 * @param projected row-major values x classes
 */
export function filterRows(
  values: Float64Array,
  filters: readonly Filter[],
  projected: Float64Array,
  classes: number,
): Float64Array {
  const columns = filters.length * classes;
  const filtered = new Float64Array(values.length * 2 * columns);
  values.forEach((value, i) => {
    filters.forEach((filter, t) => {
      const { weight, progress } = filter(value);
      const to = i * 2 * columns + t * classes;
      for (let c = 0; c < classes; c++) {
        const label = projected[i * classes + c] as number;
        filtered[to + c] = weight * label;
        filtered[to + columns + c] = progress * label;
      }
    });
  });
  return filtered;
}

/** The left and the right half of a row-major matrix of 2 * columns. */
export function halves(
  both: Float64Array,
  columns: number,
): { solutions: Float64Array; train: Float64Array } {
  const rows = both.length / (2 * columns);
  const solutions = new Float64Array(rows * columns);
  const train = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * 2 * columns;
    solutions.set(both.subarray(from, from + columns), row * columns);
    train.set(both.subarray(from + columns, from + 2 * columns), row * columns);
  }
  return { solutions, train };
}
