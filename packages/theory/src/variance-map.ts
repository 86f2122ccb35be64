/**
 * The variance map q -> V(q) = sw2 T(q, q, q) + sb2 and the fixed point q* that its iteration reaches from q = 1.
 *
 * Plain iteration takes 1/|1 - V'| steps, without end at criticality. Here every root is found by Newton's method or
 * in a bracket, and the shape of T decides which of several roots the iteration would have reached: an increasing
 * map never steps over a fixed point, so it reaches the first one in the direction of its first step.
 */
import type { Dual, VarianceFunction } from './duals/dual.js';
import { findRoot } from './roots.js';

export interface VarianceFixedPoint {
  /** What the iteration from q = 1 reaches: a positive number, 0 or infinity. */
  qStar: number;
  /** The map is the identity; the iteration stays where it starts. */
  isEveryVarianceFixed: boolean;
}

export interface VarianceMap {
  (q: number): number;
  derivative(q: number): number;
}

/** V for one point of the phase diagram. */
export function varianceMap(
  dual: VarianceFunction,
  weightVariance: number,
  biasVariance: number,
): VarianceMap {
  const map = (q: number): number => weightVariance * dual.variance(q) + biasVariance;
  return Object.assign(map, {
    derivative: (q: number): number => weightVariance * dual.varianceDerivative(q),
  });
}

/** Variances above this overflow float64 when squared; they count as infinite. */
const largestVariance = 1e150;
/** A slope this close to 1 is 1: sw2 (a^2 + b^2)/2 is rounded a few times before it is compared. */
const slopeTolerance = 8 * Number.EPSILON;
/** Without bias, V'(0) up to 1 + this has q* = 0: a root nearer to 0 than that cannot be told from rounding. */
const originTolerance = 1e-12;
/** Above this, T of an increasing map is linear up to 1e-4 and its curvature has one sign. */
const largeVariance = 1e9;
const scanRatio = 1.25;

/** Finds q*. Never throws; above `largestVariance` it is reported as infinite. */
export function varianceFixedPoint(
  dual: Dual,
  weightVariance: number,
  biasVariance: number,
): VarianceFixedPoint {
  const { qStar, isEveryVarianceFixed } = fixedPointByShape(dual, weightVariance, biasVariance);
  return { qStar: qStar <= largestVariance ? qStar : Number.POSITIVE_INFINITY, isEveryVarianceFixed };
}

function fixedPointByShape(dual: Dual, weightVariance: number, biasVariance: number): VarianceFixedPoint {
  const map = varianceMap(dual, weightVariance, biasVariance);
  const found = (qStar: number): VarianceFixedPoint => ({ qStar, isEveryVarianceFixed: false });
  switch (dual.shape.kind) {
    case 'linear':
      return linearFixedPoint(weightVariance * dual.shape.slope, biasVariance);
    case 'concave': {
      const { bound, majorant } = dual.shape;
      const most = weightVariance * bound + biasVariance;
      if (majorant === undefined) return found(concaveFixedPoint(map, most));
      return found(
        concaveFixedPoint(map, concaveFixedPoint(varianceMap(majorant, weightVariance, biasVariance), most)),
      );
    }
    case 'decreasing':
      return found(decreasingFixedPoint(map));
    case 'increasing':
      return found(increasingFixedPoint(map, biasVariance));
  }
}

function linearFixedPoint(slope: number, biasVariance: number): VarianceFixedPoint {
  if (Math.abs(slope - 1) <= slopeTolerance) {
    return biasVariance === 0
      ? { qStar: 1, isEveryVarianceFixed: true }
      : { qStar: Number.POSITIVE_INFINITY, isEveryVarianceFixed: false };
  }
  const qStar = slope < 1 ? biasVariance / (1 - slope) : Number.POSITIVE_INFINITY;
  return { qStar, isEveryVarianceFixed: false };
}

/**
 * A concave map has one attracting fixed point: the positive one, or 0 where V(0) = 0 and V'(0) <= 1. Newton's
 * method from the right of it falls towards it monotonically, also where V' at the root is close to 1.
 */
function concaveFixedPoint(map: VarianceMap, bound: number): number {
  const least = map(0);
  if (least === 0 && !(map.derivative(0) > 1 + originTolerance)) return 0;
  if (bound > largestVariance) return Number.POSITIVE_INFINITY;
  const newton = (q: number): number => Math.max(least, q - (q - map(q)) / (1 - map.derivative(q)));
  let q = bound;
  for (let iteration = 0; iteration < 2000; iteration++) {
    const next = newton(q);
    if (!(next < q && next > 0)) break;
    q = next;
  }
  // A fall over many orders of magnitude can end left of the root, by rounding at the scale it came from.
  for (let polish = 0; polish < 3 && q < 1e-3 * bound && map.derivative(q) < 1; polish++) q = newton(q);
  return q;
}

/**
 * V(q) = A + B exp(-r q) with A >= B > 0: its only fixed point has |V'| = y with y e^y <= 1/e, so |V'| < 0.279, and
 * the iteration reaches it from anywhere.
 */
function decreasingFixedPoint(map: VarianceMap): number {
  const most = map(0);
  return Number.isFinite(most) ? findRoot((q) => map(q) - q, 0, most) : most;
}

/** The first fixed point from q = 1 in the direction of the first step. */
function increasingFixedPoint(map: VarianceMap, biasVariance: number): number {
  const gain = (q: number): number => map(q) - q;
  const slope = (q: number): number => map.derivative(q) - 1;
  const isAbove = (q: number): boolean => gain(q) > 0;
  const first = gain(1);
  if (first === 0) return 1;
  if (Number.isNaN(first)) return Number.POSITIVE_INFINITY;
  const isRising = first > 0;
  let q = 1;
  while (isRising ? q < largeVariance : q > 1e-15) {
    const next = isRising ? q * scanRatio : Math.max(q / scanRatio, biasVariance);
    if (isAbove(next) !== isRising) return findRoot(gain, q, next);
    // No change of sign, but |gain| had a least value on the way: two close roots may hide there.
    if (slope(q) < 0 && slope(next) > 0) {
      const bottom = findRoot(slope, q, next);
      if (isAbove(bottom) !== isRising) return findRoot(gain, q, bottom);
    }
    if (next === q) return q;
    q = next;
  }
  // Here T is linear in q.
  if (!isRising) return biasVariance / (1 - map.derivative(0));
  // Here V is nearly linear: it crosses the diagonal once if its slope is below 1, else never.
  while (q < 1e300 && slope(q) < 0) {
    const next = q * 2;
    if (gain(next) <= 0) return findRoot(gain, q, next);
    q = next;
  }
  return Number.POSITIVE_INFINITY;
}
