/**
 * Dual activations: T = E[phi(u) phi(v)] and T' = E[phi'(u) phi'(v)] for (u, v) normal with variances q1, q2 and
 * covariance k. Equations: Xiao, Pennington, Schoenholz, ICML 2020 (arXiv 1912.13053); Cho & Saul 2009 for relu.
 */

export interface VarianceFunction {
  /** T(q, q, q), in a form that does not cancel. */
  variance(q: number): number;
  /** d/dq of `variance`. */
  varianceDerivative(q: number): number;
}

/** The shape of q -> T(q, q, q), which decides how its fixed point is found (variance-fixed-point.ts). */
export type VarianceShape =
  /** T = slope q: relu and its like. */
  | { kind: 'linear'; slope: number }
  /** Concave, not decreasing, at most `bound`: erf, tanh, most sines. `majorant`: a cheap concave function above T. */
  | { kind: 'concave'; bound: number; majorant?: VarianceFunction }
  /** Decreasing: a sine with cos 2c < 0. */
  | { kind: 'decreasing' }
  /** Increasing, of no simple curvature: gelu. */
  | { kind: 'increasing' };

export interface Dual extends VarianceFunction {
  /** T(q1, q2, k); variances q1, q2 >= 0, |k| <= sqrt(q1 q2). */
  T(q1: number, q2: number, k: number): number;
  /** T'(q1, q2, k), which is also dT/dk. May be infinite where q1 = q2 = k is. */
  dT(q1: number, q2: number, k: number): number;
  readonly shape: VarianceShape;
  /** False where phi has a kink (1 - C(c) then falls like (1 - c) - const (1 - c)^(3/2)). */
  readonly isSmooth: boolean;
}

/** q1 q2 - k^2 without cancellation where q1 = q2 (exactly 0 at k = q), never below 0. */
export function determinant(q1: number, q2: number, k: number): number {
  const mean = q1 === q2 ? q1 : Math.sqrt(q1) * Math.sqrt(q2);
  return Math.max(0, (mean - k) * (mean + k));
}
