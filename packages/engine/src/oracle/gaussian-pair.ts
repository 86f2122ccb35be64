/** Quantities of two Gaussians that the duals share. */
import type { Distance, Pair } from './dual.js';

/** (q_a + q_b)/2 */
export const meanVariance = ({ qa, qb }: Pair): number => (qa + qb) / 2;

export const covariance = (pair: Pair): number => meanVariance(pair) - pair.delta;

/** q_a q_b - k^2, without cancellation. */
export function determinant(pair: Pair): number {
  const { e, delta } = pair;
  return delta * (meanVariance(pair) + covariance(pair)) - (e * e) / 4;
}

/**
 * delta_ref - delta_ab: either by subtraction, or from the differences of q and k, whichever has the smaller bound of
 * its rounding error.
 */
export function complementDistance(pair: Pair, reference: Pair, by: Distance): number {
  const largest = Math.max(pair.delta, reference.delta);
  if (largest < Math.abs(by.k) + Math.abs(by.qa) + Math.abs(by.qb)) return reference.delta - pair.delta;
  return (by.qa + by.qb) / 2 - by.k;
}
