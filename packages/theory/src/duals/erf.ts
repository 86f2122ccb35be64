import { type Dual, determinant } from './dual.js';

/** phi = erf (Williams 1996). (1 + 2 q1)(1 + 2 q2) - 4 k^2 is written 1 + 2 (q1 + q2) + 4 (q1 q2 - k^2). */
export const erfDual: Dual = {
  T: (q1, q2, k) =>
    (2 / Math.PI) * Math.atan2(2 * k, Math.sqrt(1 + 2 * (q1 + q2) + 4 * determinant(q1, q2, k))),
  dT: (q1, q2, k) => 4 / Math.PI / Math.sqrt(1 + 2 * (q1 + q2) + 4 * determinant(q1, q2, k)),
  variance: (q) => (2 / Math.PI) * Math.atan2(2 * q, Math.sqrt(1 + 4 * q)),
  varianceDerivative: (q) => 4 / Math.PI / ((1 + 2 * q) * Math.sqrt(1 + 4 * q)),
  shape: { kind: 'concave', bound: 1 },
  isSmooth: true,
};
