/**
 * erf and gelu from the reference's pair. With A = 1 + m q, P = A_1 A_2, V^2 = P - m^2 k^2 (erf: m = 2; gelu: m = 1) and
 * sin alpha = m k / sqrt P: tan((alpha_ref - alpha)/2) = N / (sqrt(P P_ref) + V V_ref + m^2 k k_ref),
 * N = m (k_ref V - k V_ref) = m [k_ref^2 (P - P_ref) + P_ref D (k + k_ref)] / (k_ref V + k V_ref).
 */
import type { Algebra, Tensor } from '../algebra.js';
import { signedAtan } from '../elementary.js';
import type { MakeDifferenceDual } from './difference-dual.js';
import type { Parameters } from './pair-dual.js';

/** A, r, sqrt A; of the reference k, V, sqrt P. */
const [WIDE, RISE, SIDE] = [0, 1, 2];
const [COVARIANCE, ROOT, SIDES] = [0, 1, 2];
/** gelu's, behind them: 1/(1+q) - 1/2, what the reference's exceeds it by; of the reference alpha. */
const [UP, UP_FALL] = [3, 4];
const ALPHA = 3;

type Write = (index: number, value: number) => void;

function describe(m: number, q: number, r: number, write: Write): void {
  write(WIDE, 1 + m * q);
  write(RISE, r);
  write(SIDE, Math.sqrt(1 + m * q));
}

/** k and V of a pair of the reference. */
function describeReference(m: number, delta: number, qa: number, qb: number, write: Write) {
  const mean = (qa + qb) / 2;
  const k = mean - delta;
  const gap = delta * (mean + k) - (qa - qb) ** 2 / 4;
  const root = Math.sqrt(1 + 2 * m * mean + m * m * gap);
  write(COVARIANCE, k);
  write(ROOT, root);
  write(SIDES, Math.sqrt((1 + m * qa) * (1 + m * qb)));
  return { k, root };
}

function arcOf(o: Algebra, m: number, d: Tensor, a: Parameters, b: Parameters, ref: Parameters) {
  const [kRef, rootRef, sides] = [ref(COVARIANCE), ref(ROOT), ref(SIDES)];
  const before = o.sub(a(WIDE), o.mul(a(RISE), m));
  const rise = o.mul(o.mulAdd(a(RISE), b(WIDE), o.mul(b(RISE), before)), m);
  const k = o.sub(kRef, d);
  const fall = o.mul(d, o.add(k, kRef));
  const lift = o.mulAdd(fall, m * m, rise);
  const root = o.sqrt(o.add(o.square(rootRef), lift));
  const [same, other] = [o.mul(kRef, root), o.mul(k, rootRef)];
  const stable = o.mulAdd(o.square(kRef), rise, o.mul(o.square(sides), fall));
  const isPositive = o.greater(k, 0);
  const isNot = o.sub(1, isPositive);
  const numerator = o.mulAdd(isPositive, stable, o.mul(isNot, o.sub(same, other)));
  const divisor = o.mulAdd(isPositive, o.add(same, other), isNot);
  const base = o.add(
    o.mul(o.mul(a(SIDE), b(SIDE)), sides),
    o.mulAdd(o.mul(k, m * m), kRef, o.mul(root, rootRef)),
  );
  /** (alpha_ref - alpha) / 2, and V^2 - V_ref^2. */
  return { k, root, rootRef, lift, angle: signedAtan(o, o.mul(numerator, m), o.mul(divisor, base)) };
}

/** T = (2/pi) alpha, T' = (4/pi) / V. */
export const erfDifference: MakeDifferenceDual = (o, scale) => {
  const factor = (scale * 4) / Math.PI;
  return {
    parameters: 3,
    references: 3,
    describe: (_reference, q, r, write) => describe(2, q, r, write),
    describeReference: (delta, qa, qb, write) => {
      describeReference(2, delta, qa, qb, write);
    },
    pair(d, a, b, ref) {
      const { root, rootRef, lift, angle } = arcOf(o, 2, d, a, b, ref);
      const slope = o.div(factor, root);
      const sum = o.add(root, rootRef);
      return {
        difference: o.mul(angle, factor),
        slope,
        slopeDifference: o.mul(slope, o.div(lift, o.mul(rootRef, sum))),
      };
    },
  };
};

/**
 * T = k/4 + [k alpha + 1/V - y V] / (2 pi), T' = 1/4 + [alpha + (k/V)(1/V^2 + y + 1)] / (2 pi),
 * y = (1/(1+q_1) - 1/2) + (1/(1+q_2) - 1/2).
 */
export const geluDifference: MakeDifferenceDual = (o, scale) => {
  const [quarter, factor] = [scale / 4, scale / (2 * Math.PI)];
  return {
    parameters: 5,
    references: 4,
    describe(reference, q, r, write) {
      describe(1, q, r, write);
      write(UP, 1 / (1 + q) - 0.5);
      write(UP_FALL, r / ((1 + q) * (1 + reference)));
    },
    describeReference(delta, qa, qb, write) {
      const { k, root } = describeReference(1, delta, qa, qb, write);
      write(ALPHA, Math.atan2(k, root));
    },
    pair(d, a, b, ref) {
      const { k, root, rootRef, lift, angle } = arcOf(o, 1, d, a, b, ref);
      const alphaRef = ref(ALPHA);
      const [inverse, inverseRef] = [o.div(1, root), o.div(1, rootRef)];
      const inverseFall = o.div(lift, o.mul(o.mul(root, rootRef), o.add(root, rootRef)));
      const rootFall = o.mul(inverseFall, o.mul(root, rootRef));
      const psi = o.mul(angle, 2);
      const [y, yFall] = [o.add(a(UP), b(UP)), o.add(a(UP_FALL), b(UP_FALL))];
      // -(yFall V_ref + y (V_ref - V)) with V - V_ref = rootFall.
      const wide = o.sub(o.mul(y, rootFall), o.mul(yFall, rootRef));
      const body = o.add(o.mulAdd(d, alphaRef, o.mul(k, psi)), o.add(inverseFall, wide));
      const [ratio, ratioFall] = [o.mul(k, inverse), o.mulAdd(d, inverseRef, o.mul(k, inverseFall))];
      const inner = o.mulAdd(inverse, inverse, o.add(y, 1));
      const innerRef = o.mulAdd(inverseRef, inverseRef, o.add(o.add(y, yFall), 1));
      const innerFall = o.mulAdd(inverseFall, o.add(inverse, inverseRef), yFall);
      return {
        difference: o.mulAdd(body, factor, o.mul(d, quarter)),
        slope: o.mulAdd(o.mulAdd(ratio, inner, o.sub(alphaRef, psi)), factor, quarter),
        slopeDifference: o.mul(o.mulAdd(ratioFall, innerRef, o.mulAdd(ratio, innerFall, psi)), factor),
      };
    },
  };
};
