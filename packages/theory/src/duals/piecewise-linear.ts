import { type Dual, determinant } from './dual.js';

/**
 * phi(x) = a min(x, 0) + b max(x, 0): relu (0, 1), leaky relu (alpha, 1), abs (-1, 1), identity (1, 1).
 * With theta = atan2(sqrt(q1 q2 - k^2), k):
 * T' = (a^2 + b^2)/2 - (a - b)^2 theta/(2 pi), T = (a - b)^2/(2 pi) sqrt(q1 q2 - k^2) + T' k.
 */
export function piecewiseLinearDual(a: number, b: number): Dual {
  const slope = (a * a + b * b) / 2;
  const kink = (a - b) ** 2 / (2 * Math.PI);
  const dT = (q1: number, q2: number, k: number): number =>
    kink === 0 ? slope : slope - kink * Math.atan2(Math.sqrt(determinant(q1, q2, k)), k);
  return {
    T: (q1, q2, k) => (kink === 0 ? slope * k : kink * Math.sqrt(determinant(q1, q2, k)) + dT(q1, q2, k) * k),
    dT,
    variance: (q) => slope * q,
    varianceDerivative: () => slope,
    shape: { kind: 'linear', slope },
    isSmooth: kink === 0,
  };
}
