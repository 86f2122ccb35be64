/**
 * phi(x) = x (1 + erf(x / sqrt 2)) / 2. The arc is erf's at half the variances, g = sqrt(1 + 2q), alpha = asin(q / (1 + q)),
 * c = 1/(1 + q_a) + 1/(1 + q_b): T = k/4 + [k alpha_ab + 1/V - (c - 1) V] / (2 pi),
 * T' = 1/4 + [alpha_ab + (k/V) (1/V^2 + c)] / (2 pi); differences of powers of 1/V from those of 1/g go through kap.
 */
import { arcOf, sideOf } from './arc.js';
import type { MakePairDual } from './pair-dual.js';

/** s, s - s_ref, 1 / g, 1 / (1 + q), alpha / 2, (alpha - alpha_ref) / 2. */
const [SIDE, RISE, INVERSE, UP, ALPHA, TURN] = [0, 1, 2, 3, 4, 5];

export const geluDual: MakePairDual = (o, scale) => {
  const [quarter, factor] = [scale / 4, scale / (2 * Math.PI)];
  return {
    parameters: 6,
    levelSlopes: false,

    describe(reference, q, r, write) {
      const g = Math.sqrt(1 + 2 * q);
      const [s, sRef] = [sideOf(q / 2, g), sideOf(reference / 2, Math.sqrt(1 + 2 * reference))];
      const rise = r / 2 / (1 + s + sRef);
      write(SIDE, s);
      write(RISE, rise);
      write(INVERSE, 1 / g);
      write(UP, 1 / (1 + q));
      write(ALPHA, Math.atan2(s, s + 1));
      write(TURN, Math.atan2(rise, 1 + s + sRef + 2 * s * sRef));
    },

    pair(delta, a, b) {
      const apart = o.sub(a(RISE), b(RISE));
      const square = o.square(apart);
      const { kap, sig, mu, root, rise, angle } = arcOf(o, delta, square, a(SIDE), b(SIDE));
      const psi = o.mul(angle, 2);
      const k = o.sub(sig, mu);
      const [inverse, inverseKap] = [o.div(1, root), o.div(1, kap)];
      const [both, gamma] = [o.mul(inverse, inverseKap), o.mul(a(INVERSE), b(INVERSE))];
      const [c, alpha, ups] = [o.add(a(UP), b(UP)), o.add(a(ALPHA), b(ALPHA)), o.mul(a(UP), b(UP))];

      let body = o.mulAdd(k, psi, o.mul(delta, alpha));
      body = o.mulAdd(rise, o.sub(o.add(both, c), 1), body);
      body = o.mulAdd(o.mul(kap, apart), o.sub(a(TURN), b(TURN)), body);
      body = o.mulAdd(square, o.mulAdd(o.mul(kap, 2), ups, o.mul(gamma, inverseKap)), body);

      const [inverse2, inverseKap2, kap2] = [o.square(inverse), o.square(inverseKap), o.square(kap)];
      const inner = o.mulAdd(o.mul(k, inverse), o.add(inverse2, c), o.sub(alpha, psi));

      // sig / kap - k / V and sig / kap^3 - k / V^3, by V = kap + rise.
      const lift = o.mul(sig, rise);
      let outer = o.mulAdd(o.mul(c, both), o.mulAdd(mu, kap, lift), psi);
      const cubic = o.mul(lift, o.mul(both, o.add(o.add(inverse2, both), inverseKap2)));
      outer = o.add(outer, o.mulAdd(o.mul(mu, inverse), inverse2, cubic));
      // (2 kap^2 + d^2 + (4 kap^4 + kap^2 g + g^2) / g^2) / (2 kap^3 g) with g = g_a g_b.
      const ratio = o.mul(kap2, gamma);
      const bracket = o.add(o.mulAdd(o.mul(ratio, 4), ratio, o.add(ratio, 1)), o.mulAdd(kap2, 2, square));
      const unequal = o.mul(o.mul(o.mul(inverseKap, inverseKap2), gamma), bracket);
      outer = o.sub(outer, o.mul(o.mul(square, 0.5), unequal));
      return {
        complement: o.mulAdd(body, factor, o.mul(delta, quarter)),
        slope: o.mulAdd(inner, factor, quarter),
        slopeComplement: o.mul(outer, factor),
      };
    },
  };
};
