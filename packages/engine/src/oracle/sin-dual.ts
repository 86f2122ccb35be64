/**
 * phi(x) = a sin(b x + c): T = (a^2/2) (near - far) and T' = (a^2 b^2/2) (near + far) with
 * near = exp(-b^2 delta), far = cos(2c) exp(-b^2 (q_a + q_b - delta)).
 * phi(x) = sqrt 2 sin(sqrt(2 gamma) x + pi/4), whose dual is the Gaussian (RBF) kernel: T = exp(-2 gamma delta).
 */
import type { Dual } from './dual.js';
import { complementDistance } from './gaussian-pair.js';

export function sinDual(a: number, b: number, c: number): Dual {
  const [half, slopeHalf, b2] = [(a * a) / 2, (a * a * b * b) / 2, b * b];
  const cosine = Math.cos(2 * c);
  const [twiceCos2, twiceSin2] = [2 * Math.cos(c) ** 2, 2 * Math.sin(c) ** 2];
  return {
    variance(q) {
      const less = -Math.expm1(-2 * b2 * q);
      const far = Math.exp(-2 * b2 * q);
      return { value: half * (less + twiceSin2 * far), derivative: slopeHalf * (less + twiceCos2 * far) };
    },

    deviation(q, _qa, r) {
      const less = half * cosine * Math.exp(-2 * b2 * q) * Math.expm1(-2 * b2 * r);
      return { value: -less, derivative: b2 * less };
    },

    pair({ qa, qb, e, delta }) {
      const [x, sum] = [b2 * delta, b2 * (qa + qb)];
      const far = Math.exp(x - sum);
      const [lessNear, lessFar] = [-Math.expm1(-x), -Math.expm1(x - sum)];
      const unequal = 2 * cosine * Math.exp(-sum) * Math.sinh((b2 * e) / 2) ** 2;
      return {
        complement: half * (lessNear * (lessFar + twiceCos2 * far) - unequal),
        derivative: slopeHalf * (1 - lessNear + cosine * far),
        derivativeComplement: slopeHalf * (lessNear * (lessFar + twiceSin2 * far) + unequal),
      };
    },

    distance(pair, reference, by) {
      const { qa, qb, delta } = pair;
      const near = Math.exp(-b2 * delta) * Math.expm1(-b2 * complementDistance(pair, reference, by));
      const moreSum = (by.qa + by.qb) / 2 + by.k;
      const far = cosine * Math.exp(-b2 * (qa + qb - delta)) * Math.expm1(-b2 * moreSum);
      return { value: half * (near - far), derivative: slopeHalf * (near + far) };
    },
  };
}

export function rbfDual(gamma: number): Dual {
  return {
    variance: () => ({ value: 1, derivative: 2 * gamma }),
    deviation: () => ({ value: 0, derivative: 0 }),
    pair({ delta }) {
      const less = -Math.expm1(-2 * gamma * delta);
      return { complement: less, derivative: 2 * gamma * (1 - less), derivativeComplement: 2 * gamma * less };
    },
    distance(pair, reference, by) {
      const step = Math.expm1(-2 * gamma * complementDistance(pair, reference, by));
      const value = Math.exp(-2 * gamma * pair.delta) * step;
      return { value, derivative: 2 * gamma * value };
    },
  };
}
