/**
 * phi = erf, in the terms of arc.ts with g = sqrt(1 + 4q): delta_T = (4/pi) psi/2, T' = (4/pi) / V,
 * D' = (4/pi) (kap (V - kap) + (s_a - s_b)^2) / (g_a g_b V).
 */
import { arcOf, sideOf } from './arc.js';
import type { MakePairDual } from './pair-dual.js';

/** s, s - s_ref, 1 / g. */
const [SIDE, RISE, INVERSE] = [0, 1, 2];

export const erfDual: MakePairDual = (o, scale) => {
  const factor = (scale * 4) / Math.PI;
  return {
    parameters: 3,
    levelSlopes: false,

    describe(reference, q, r, write) {
      const root = Math.sqrt(1 + 4 * q);
      const side = sideOf(q, root);
      write(SIDE, side);
      write(RISE, r / (1 + side + sideOf(reference, Math.sqrt(1 + 4 * reference))));
      write(INVERSE, 1 / root);
    },

    pair(delta, a, b) {
      const square = o.square(o.sub(a(RISE), b(RISE)));
      const { kap, rise, root, angle } = arcOf(o, o.mul(delta, 2), square, a(SIDE), b(SIDE));
      const slope = o.div(factor, root);
      const inverses = o.mul(a(INVERSE), b(INVERSE));
      return {
        complement: o.mul(angle, factor),
        slope,
        slopeComplement: o.mul(slope, o.mul(inverses, o.mulAdd(kap, rise, square))),
      };
    },
  };
};
