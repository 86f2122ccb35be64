/**
 * The correlation map c -> C(c) = [sw2 T(q*, q*, c q*) + sb2]/q* at the fixed point of the variance map.
 *
 * C(c) is a power series in c with coefficients >= 0 (the squared Hermite coefficients of phi), and C(1) = 1. So on
 * [0, 1] it is increasing and convex, whatever phi is: from c = 1/2 the iteration reaches 1 where
 * chi_1 = C'(1) <= 1, and else the one root below 1, which Newton's method from c = 0 climbs to monotonically.
 */
import type { Dual } from './duals/dual.js';

/** |chi_1 - 1| up to which a point counts as critical. */
export const criticalTolerance = 1e-6;

export interface CorrelationFixedPoint {
  cStar: number;
  /** C'(c*) = sw2 T'(q*, q*, c* q*). */
  chiC: number;
  /** The map is the identity; the iteration stays at 1/2. */
  isEveryCorrelationFixed: boolean;
}

/** C(c) - c, written from C(1) = 1, so that a q* in error by rounding does not move the root at 1. */
function gainAt(dual: Dual, weightVariance: number, qStar: number): (c: number) => number {
  const top = dual.variance(qStar);
  return (c) => 1 - c - (weightVariance * (top - dual.T(qStar, qStar, c * qStar))) / qStar;
}

/** What the iteration reaches from c = 1/2. `qStar` positive and finite, `chi1` = C'(1). */
export function correlationFixedPoint(
  dual: Dual,
  weightVariance: number,
  qStar: number,
  chi1: number,
): CorrelationFixedPoint {
  const gain = gainAt(dual, weightVariance, qStar);
  const slope = (c: number): number => weightVariance * dual.dT(qStar, qStar, c * qStar);
  const isNearCritical = Math.abs(chi1 - 1) <= criticalTolerance;
  if (isNearCritical && Math.abs(gain(0.5)) <= 1e-14 && Math.abs(slope(0.5) - 1) <= 1e-14) {
    return { cStar: 0.5, chiC: slope(0.5), isEveryCorrelationFixed: true };
  }
  if (chi1 <= 1) return { cStar: 1, chiC: chi1, isEveryCorrelationFixed: false };
  if (isNearCritical) {
    // Rounding hides the two close roots from Newton's method. To second order in 1 - c, chi_c* = 2 - chi_1.
    const inset = 1e-4;
    const curvature = (chi1 - slope(1 - inset)) / inset;
    const distance = (2 * (chi1 - 1)) / curvature;
    if (distance < inset) return { cStar: 1 - distance, chiC: 2 - chi1, isEveryCorrelationFixed: false };
  }
  // Without bias an odd phi has C(0) = 0; rounding must not make it a small number.
  if (gain(0) <= 4 * Number.EPSILON) return { cStar: 0, chiC: slope(0), isEveryCorrelationFixed: false };
  let c = 0;
  for (let iteration = 0; iteration < 200; iteration++) {
    const height = gain(c);
    const next = c + height / (1 - slope(c));
    if (!(height > 0 && next > c && next < 1)) break;
    c = next;
  }
  return { cStar: c, chiC: slope(c), isEveryCorrelationFixed: false };
}

/**
 * c_0, c_1 = C(c_0), ..., c_layers at the fixed variance `qStar`.
 *
 * @returns layers + 1 correlations
 */
export function correlationIterates(
  dual: Dual,
  weightVariance: number,
  qStar: number,
  start: number,
  layers: number,
): number[] {
  const gain = gainAt(dual, weightVariance, qStar);
  const iterates = [start];
  let c = start;
  for (let layer = 0; layer < layers; layer++) {
    c = Math.min(1, Math.max(-1, c + gain(c)));
    iterates.push(c);
  }
  return iterates;
}
