import type { Dual } from './dual.js';

/**
 * phi(x) = a sin(b x + c). With s1 = exp(b^2 (k - (q1 + q2)/2)), s2 = exp(-b^2 (k + (q1 + q2)/2)) cos 2c:
 * T = a^2 (s1 - s2)/2, T' = a^2 b^2 (s1 + s2)/2.
 */
export function sinDual(a: number, b: number, c: number): Dual {
  const power = a * a;
  const rate = b * b;
  const cos2c = Math.cos(2 * c);
  const sin2 = Math.sin(c) ** 2;
  const s1 = (q1: number, q2: number, k: number): number => Math.exp(rate * (k - (q1 + q2) / 2));
  const s2 = (q1: number, q2: number, k: number): number => Math.exp(-rate * (k + (q1 + q2) / 2)) * cos2c;
  return {
    T: (q1, q2, k) => (power * (s1(q1, q2, k) - s2(q1, q2, k))) / 2,
    dT: (q1, q2, k) => (power * rate * (s1(q1, q2, k) + s2(q1, q2, k))) / 2,
    // (1 - e cos 2c)/2 with e = exp(-2 b^2 q), written sin^2 c + (1 - e) cos 2c / 2.
    variance: (q) => power * (sin2 - (Math.expm1(-2 * rate * q) * cos2c) / 2),
    varianceDerivative: (q) => power * rate * cos2c * Math.exp(-2 * rate * q),
    shape: cos2c >= 0 ? { kind: 'concave', bound: power / 2 } : { kind: 'decreasing' },
    isSmooth: true,
  };
}

/** phi(x) = sqrt 2 sin(sqrt(2 gamma) x + pi/4): T = exp(gamma (2k - q1 - q2)), T' = 2 gamma T; T(q, q, q) = 1. */
export function rbfDual(gamma: number): Dual {
  const T = (q1: number, q2: number, k: number): number => Math.exp(gamma * (2 * k - q1 - q2));
  return {
    T,
    dT: (q1, q2, k) => 2 * gamma * T(q1, q2, k),
    variance: () => 1,
    varianceDerivative: () => 0,
    shape: { kind: 'concave', bound: 1 },
    isSmooth: true,
  };
}
