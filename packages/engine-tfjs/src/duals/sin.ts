/**
 * phi(x) = a sin(b x + c): with x = b^2 delta, E = exp(x - b^2 (q_a + q_b)), m = 1 - exp(-x), n = 1 - E and
 * L = exp(-b^2 (q_a + q_b) / 2) sinh(b^2 (q_a - q_b) / 2), a difference of two numbers of one image each:
 * delta_T = (a^2/2) [m (n + 2 cos^2 c E) - 2 cos 2c L^2], D' = (a^2 b^2/2) [m (n + 2 sin^2 c E) + 2 cos 2c L^2],
 * T' = (a^2 b^2/2) (exp(-x) + cos 2c E). And sqrt 2 sin(sqrt(2 gamma) x + pi/4): delta_T = 1 - exp(-2 gamma delta).
 */
import { Exponential } from '../elementary.js';
import type { MakePairDual } from './pair-dual.js';

/** b^2 q, and the image's part of L. */
const [EXPONENT, PART] = [0, 1];

export function sinDual(a: number, b: number, c: number): MakePairDual {
  return (o, scale) => {
    const exponential = new Exponential(o);
    const b2 = b * b;
    const half = (scale * a * a) / 2;
    const slopeHalf = half * b2;
    const cosine = Math.cos(2 * c);
    const [twiceSin2, twiceCos2] = [2 * Math.sin(c) ** 2, 2 * Math.cos(c) ** 2];
    return {
      parameters: 2,
      levelSlopes: false,

      describe(reference, q, r, write) {
        write(EXPONENT, b2 * q);
        write(PART, -0.5 * Math.exp(-b2 * reference) * Math.expm1(-b2 * r));
      },

      pair(delta, first, second) {
        const x = o.mul(delta, b2);
        const near = exponential.of(o.sub(0, x));
        const far = exponential.of(o.sub(x, o.add(first(EXPONENT), second(EXPONENT))));
        const unequal = o.mul(o.square(o.sub(first(PART), second(PART))), 2 * cosine);
        const [m, n] = [o.sub(0, near.minusOne), o.sub(0, far.minusOne)];
        const product = (twice: number) => o.mul(m, o.mulAdd(far.value, twice, n));
        return {
          complement: o.mul(o.sub(product(twiceCos2), unequal), half),
          slope: o.mul(o.mulAdd(far.value, cosine, near.value), slopeHalf),
          slopeComplement: o.mul(o.add(product(twiceSin2), unequal), slopeHalf),
        };
      },
    };
  };
}

export function rbfDual(gamma: number): MakePairDual {
  return (o, scale) => {
    const exponential = new Exponential(o);
    return {
      parameters: 0,
      levelSlopes: true,
      describe: () => {},
      pair(delta) {
        const { value, minusOne } = exponential.of(o.mul(delta, -2 * gamma));
        return {
          complement: o.mul(minusOne, -scale),
          slope: o.mul(value, 2 * gamma * scale),
          slopeComplement: o.mul(minusOne, -2 * gamma * scale),
        };
      },
    };
  };
}
