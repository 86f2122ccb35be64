/**
 * phi(x) = a min(x, 0) + b max(x, 0). With u = sqrt q, theta the angle between the images, z = sin^2(theta/2) =
 * gamma / (2 u_a u_b), gamma = delta - (u_a - u_b)^2/2, J = sin theta - theta cos theta:
 * delta_T = c delta - kappa u_a u_b J, T' = c - kappa theta, D' = kappa theta.
 */
import { angleOf } from '../elementary.js';
import type { MakePairDual } from './pair-dual.js';

/** u - sqrt(reference), 1 / (sqrt 2 u) (0 for u = 0), and u. */
const [RISE, INVERSE, ROOT] = [0, 1, 2];

export function abreluDual(a: number, b: number): MakePairDual {
  return (o, scale) => {
    const mean = (scale * (a * a + b * b)) / 2;
    const kappa = (scale * (a - b) ** 2) / (2 * Math.PI);
    return {
      parameters: 3,
      levelSlopes: true,

      describe(reference, q, r, write) {
        const root = Math.sqrt(q);
        write(RISE, q === 0 ? -Math.sqrt(reference) : r / (root + Math.sqrt(reference)));
        write(INVERSE, q === 0 ? 0 : Math.SQRT1_2 / root);
        write(ROOT, root);
      },

      pair(delta, first, second) {
        const apart = o.sub(first(RISE), second(RISE));
        const gamma = o.max(o.sub(delta, o.mul(o.square(apart), 0.5)), 0);
        const z = o.min(o.mul(gamma, o.mul(first(INVERSE), second(INVERSE))), 1);
        const { angle, segment } = angleOf(o, z);
        const lost = o.mul(o.mul(first(ROOT), second(ROOT)), segment);
        const slopeComplement = o.mul(angle, kappa);
        return {
          complement: o.sub(o.mul(delta, mean), o.mul(lost, kappa)),
          slope: o.sub(mean, slopeComplement),
          slopeComplement,
        };
      },
    };
  };
}
