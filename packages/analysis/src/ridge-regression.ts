import { setImmediate } from 'node:timers/promises';
import { type Linalg, mirrorUpper, NotPositiveDefiniteError } from '@tessera/linalg';

/** Solutions for one ridge, or why there are none. */
export type RidgeSolution =
  | { ridge: number; shift: number; solutions: Float64Array[] }
  | { ridge: number; failure: string };

/** Rows restored between two turns of the event loop. */
const rowsATurn = 512;

/**
 * Solves (Theta + r tr(Theta)/m I) X = Y by Cholesky for one ridge r, in place: the factor takes the lower triangle
 * and the diagonal, which come back from the upper triangle, so that many ridges need no second matrix.
 * @param matrix row-major size x size, exactly symmetric and finite; unchanged when this returns
 * @param targets right-hand sides, each row-major size x classes; solved one by one, so that the bits of one do not
 *   depend on which others there are
 */
export async function solveRidge(
  linalg: Linalg,
  matrix: Float64Array,
  size: number,
  trace: number,
  ridge: number,
  targets: readonly Float64Array[],
  classes: number,
): Promise<RidgeSolution> {
  const shift = (ridge * trace) / size;
  if (!Number.isFinite(shift))
    return { ridge, failure: 'the ridge times the mean of the diagonal is not finite' };
  const diagonal = Float64Array.from({ length: size }, (_, i) => matrix[i * (size + 1)] as number);
  for (let i = 0; i < size; i++) matrix[i * (size + 1)] = (diagonal[i] as number) + shift;
  try {
    await linalg.cholesky(matrix, size);
    const solutions: Float64Array[] = [];
    for (const target of targets) {
      const solution = target.slice();
      await linalg.choleskySolve(matrix, size, solution, classes);
      if (!solution.every(Number.isFinite)) return { ridge, failure: 'its solution is not finite' };
      solutions.push(solution);
    }
    return { ridge, shift, solutions };
  } catch (error) {
    if (!(error instanceof NotPositiveDefiniteError)) throw error;
    const failure = `with diagReg ${ridge} the matrix is not positive definite (pivot ${error.pivot} of ${size})`;
    return { ridge, failure };
  } finally {
    await restore(matrix, size, diagonal);
  }
}

/**
 * Solves (Theta + shift I) X = Y from the eigendecomposition, where rounding has made Theta indefinite and Cholesky
 * cannot. Its error is that of the smallest eigenvalues: the row is flagged `ill-conditioned`.
 * @param eigen rows of `vectors` are eigenvectors
 * @returns a solution for each of the targets; null where an eigenvalue is -shift or a solution is not finite
 */
export async function solveByEigenvectors(
  linalg: Linalg,
  { values, vectors }: { values: Float64Array; vectors: Float64Array },
  shift: number,
  targets: readonly Float64Array[],
  classes: number,
): Promise<Float64Array[] | null> {
  const size = values.length;
  const solutions: Float64Array[] = [];
  for (const b of targets) {
    const projected = await linalg.gemm({ m: size, n: classes, k: size, a: vectors, b });
    for (let i = 0; i < projected.length; i++) {
      const value = (values[Math.floor(i / classes)] as number) + shift;
      projected[i] = (projected[i] as number) / value;
    }
    const solution = await linalg.gemm({
      m: size,
      n: classes,
      k: size,
      a: vectors,
      transA: true,
      b: projected,
    });
    if (!solution.every(Number.isFinite)) return null;
    solutions.push(solution);
  }
  return solutions;
}

async function restore(matrix: Float64Array, size: number, diagonal: Float64Array): Promise<void> {
  for (let row = 0; row < size; row += rowsATurn) {
    if (row > 0) await setImmediate();
    mirrorUpper(matrix, size, row, Math.min(row + rowsATurn, size));
  }
  for (let i = 0; i < size; i++) matrix[i * (size + 1)] = diagonal[i] as number;
}

/**
 * Predictions on the training images, Theta X = Y - shift X: exact algebra, where the product Theta X would add
 * rounding of the size of Theta times X.
 */
export function ridgeTrainPredictions(
  targets: Float64Array,
  solution: Float64Array,
  shift: number,
): Float64Array {
  return targets.map((target, i) => (shift === 0 ? target : target - shift * (solution[i] as number)));
}
