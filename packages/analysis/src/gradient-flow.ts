import type { Linalg } from '@tessera/linalg';

/** Gradient flow of 1/2 ||f - Y||^2 from f = 0, at every time; both row-major size x (times * classes). */
export interface GradientFlow {
  /** f_t(train) = (I - exp(-eta Theta t)) Y. */
  predictions: Float64Array;
  /** Theta^-1 (I - exp(-eta Theta t)) Y: Theta(test, train) times this is f_t(test). */
  solutions: Float64Array;
}

/**
 * All times from one eigendecomposition Theta = V^T diag(w) V (rows of V are eigenvectors):
 * f_t = V^T diag(-expm1(-eta w t)) V Y, and the solutions divide by w; where w = 0 they have its limit, eta t.
 * Source: theory.md, "Dynamics and learning rate".
 * @param targets Y, row-major size x classes
 */
export async function gradientFlow(
  linalg: Linalg,
  eigen: { values: Float64Array; vectors: Float64Array },
  targets: Float64Array,
  classes: number,
  times: readonly number[],
  learningRate: number,
): Promise<GradientFlow> {
  const { values, vectors } = eigen;
  const size = values.length;
  const columns = times.length * classes;
  const projected = await linalg.gemm({ m: size, n: classes, k: size, a: vectors, b: targets });
  const learned = new Float64Array(size * columns);
  const solved = new Float64Array(size * columns);
  values.forEach((value, i) => {
    times.forEach((time, t) => {
      const exponent = learningRate * value * time;
      const progress = -Math.expm1(-exponent);
      const weight = exponent === 0 ? learningRate * time : progress / value;
      for (let c = 0; c < classes; c++) {
        const label = projected[i * classes + c] as number;
        learned[i * columns + t * classes + c] = progress * label;
        solved[i * columns + t * classes + c] = weight * label;
      }
    });
  });
  const back = (b: Float64Array) =>
    linalg.gemm({ m: size, n: columns, k: size, a: vectors, transA: true, b });
  return { predictions: await back(learned), solutions: await back(solved) };
}
