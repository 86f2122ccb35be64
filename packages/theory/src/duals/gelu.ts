import { type Dual, determinant } from './dual.js';

/** D^2 = (1 + q1)(1 + q2) - k^2. */
const rootD = (q1: number, q2: number, k: number): number => Math.sqrt(1 + q1 + q2 + determinant(q1, q2, k));

/**
 * phi(x) = x Phi(x), Phi the normal distribution. With P = (1 + q1)(1 + q2), p = q1 q2, A = atan2(k, D):
 * T = k/4 + [k A + (k^2 + p D^2)/(P D)]/(2 pi),
 * T' = 1/4 + A/(2 pi) + k/(2 pi D) [1/D^2 + (1 - p)/P + 1].
 */
export const geluDual: Dual = {
  T(q1, q2, k) {
    const D = rootD(q1, q2, k);
    const ratio1 = 1 / (1 + q1);
    const ratio2 = 1 / (1 + q2);
    const rational = (k * ratio1 * (k * ratio2)) / D + q1 * ratio1 * (q2 * ratio2) * D;
    return k / 4 + (k * Math.atan2(k, D) + rational) / (2 * Math.PI);
  },
  dT(q1, q2, k) {
    const D = rootD(q1, q2, k);
    const inverseP = 1 / (1 + q1) / (1 + q2);
    const bracket = 1 / (D * D) + inverseP + (1 + q1 + q2) * inverseP;
    return 1 / 4 + (Math.atan2(k, D) + (k / D) * bracket) / (2 * Math.PI);
  },
  variance(q) {
    const D = Math.sqrt(1 + 2 * q);
    return q / 4 + (q * Math.atan2(q, D) + (2 * q * (q / (1 + q))) / D) / (2 * Math.PI);
  },
  varianceDerivative(q) {
    const R = 1 / ((1 + q) * Math.sqrt(1 + 2 * q));
    const curve = 5 * q * R - 2 * q * R * (q / (1 + q) + q / (1 + 2 * q));
    return 1 / 4 + (Math.atan2(q, Math.sqrt(1 + 2 * q)) + curve) / (2 * Math.PI);
  },
  shape: { kind: 'increasing' },
  isSmooth: true,
};
