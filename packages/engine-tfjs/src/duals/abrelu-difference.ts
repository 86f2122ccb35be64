/**
 * relu and its kin from the reference's pair. In the terms of abrelu.ts, g = u_1 u_2, v = 1 - cos theta, x = (theta - theta_ref)/2:
 * g (v - v_ref) = D + (1 - v_ref)(g - g_ref) = n, tan x = (v - v_ref) / (sin theta + sin theta_ref) = t,
 * g J - g_ref J_ref = J_ref (g - g_ref) + n (theta_ref + x) + g (2 - v - v_ref)(t - x),
 * T_ref - T = c D - kappa (g J - g_ref J_ref), T'_ref - T' = 2 kappa x. Where |t| is large nothing cancels and the angles
 * are taken from v itself.
 */
import { angleOf, atanBend } from '../elementary.js';
import type { MakeDifferenceDual } from './difference-dual.js';

/** u, u - u_ref, 1 / u (0 for u = 0); of the reference v, theta, sin theta, J. */
const [ROOT, RISE, INVERSE] = [0, 1, 2];
const [GAP, ANGLE, SINE, SEGMENT] = [0, 1, 2, 3];

const tan30 = 1 / Math.sqrt(3);
/** Below this part of g, a difference of pixels that are one to the reference is rounding. */
const noise = 4e-6;
const least = 1e-36;

export function abreluDifference(a: number, b: number): MakeDifferenceDual {
  return (o, scale) => {
    const mean = (scale * (a * a + b * b)) / 2;
    const kappa = (scale * (a - b) ** 2) / (2 * Math.PI);
    return {
      parameters: 3,
      references: 4,

      describe(reference, q, r, write) {
        const root = Math.sqrt(q);
        write(ROOT, root);
        write(RISE, q === 0 ? -Math.sqrt(reference) : r / (root + Math.sqrt(reference)));
        write(INVERSE, q === 0 ? 0 : 1 / root);
      },

      describeReference(delta, qa, qb, write) {
        const [ua, ub] = [Math.sqrt(qa), Math.sqrt(qb)];
        const apart = ua + ub === 0 ? 0 : (qa - qb) / (ua + ub);
        const gamma = Math.max(0, delta - (apart * apart) / 2);
        const gap = ua * ub === 0 ? 0 : Math.min(2, gamma / (ua * ub));
        const theta = 2 * Math.asin(Math.sqrt(gap / 2));
        write(GAP, gap);
        write(ANGLE, theta);
        write(SINE, Math.sqrt(gap * (2 - gap)));
        write(SEGMENT, Math.sin(theta) - theta * Math.cos(theta));
      },

      pair(d, first, second, ref) {
        const [gapRef, thetaRef, segmentRef] = [ref(GAP), ref(ANGLE), ref(SEGMENT)];
        const g = o.mul(first(ROOT), second(ROOT));
        const rise = o.mulAdd(
          first(RISE),
          second(ROOT),
          o.mul(second(RISE), o.sub(first(ROOT), first(RISE))),
        );
        const whole = o.mulAdd(o.sub(1, gapRef), rise, d);
        const floor = o.mul(o.mul(o.sub(1, o.greater(gapRef, 0)), noise), o.add(g, o.abs(rise)));
        const n = o.mul(whole, o.greater(o.abs(whole), floor));
        const step = o.mul(n, o.mul(first(INVERSE), second(INVERSE)));
        const v = o.max(o.add(gapRef, step), 0);
        const rest = o.max(o.sub(2, v), 0);
        const t = o.div(step, o.add(o.sqrt(o.mul(v, rest)), o.add(ref(SINE), least)));
        const near = o.max(o.min(t, tan30), -tan30);
        const bend = atanBend(o, near);
        const x = o.add(near, bend);
        const nearGrown = o.sub(o.mul(n, o.add(thetaRef, x)), o.mul(o.mul(g, o.sub(rest, gapRef)), bend));
        const far = angleOf(o, o.min(o.mul(v, 0.5), 1));
        const isFar = o.greater(o.abs(t), tan30);
        const isNear = o.sub(1, isFar);
        const turn = o.mulAdd(isNear, o.mul(x, 2), o.mul(isFar, o.sub(far.angle, thetaRef)));
        const grown = o.mulAdd(isNear, nearGrown, o.mul(isFar, o.mul(g, o.sub(far.segment, segmentRef))));
        return {
          difference: o.sub(o.mul(d, mean), o.mul(o.mulAdd(segmentRef, rise, grown), kappa)),
          slope: o.sub(mean, o.mul(o.add(thetaRef, turn), kappa)),
          slopeDifference: o.mul(turn, kappa),
        };
      },
    };
  };
}
