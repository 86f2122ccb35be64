import type { Activation } from '@tessera/spec';
import type { Dual } from './duals/dual.js';
import { dual as dualOf } from './duals/for-activation.js';
import { meanField } from './mean-field.js';
import { findRoot } from './roots.js';

/** Fixed points are sought among these variances, from one to the next by a factor. */
const scan = { least: 1e-9, most: 1e9, ratio: 1.5 };

/**
 * The weight variance at which chi_1 = 1 for a bias variance: the order-to-chaos line. Along the line
 * sw2 = 1/T'(q*, q*, q*), so q* is a root of q - T(q)/T'(q) = sb2.
 *
 * @returns null where there is none: relu and its like with a bias (q* is infinite where chi_1 = 1), and points whose
 * q* is not what the variance map reaches from q = 1 (gelu). With several, the smallest.
 */
export function criticalWeightVariance(activation: Activation, biasVariance: number): number | null {
  const dual = dualOf(activation);
  if (dual.shape.kind === 'linear') {
    const weightVariance = 1 / dual.shape.slope;
    return biasVariance === 0 && weightVariance > 0 && Number.isFinite(weightVariance)
      ? weightVariance
      : null;
  }
  const candidates = criticalVariances(dual, biasVariance)
    .map((q) => 1 / dual.dT(q, q, q))
    .filter((weightVariance) => meanField(activation, weightVariance, biasVariance).phase === 'critical');
  // Without a bias and with phi(0) = 0 the line starts at q* = 0, where chi_1 = sw2 phi'(0)^2.
  const startsAtZero =
    biasVariance === 0 && dual.shape.kind === 'concave' && dual.variance(0) === 0 && dual.dT(0, 0, 0) > 0;
  if (startsAtZero) candidates.push(1 / dual.dT(0, 0, 0));
  const smallest = Math.min(...candidates);
  return Number.isFinite(smallest) ? smallest : null;
}

function criticalVariances(dual: Dual, biasVariance: number): number[] {
  const excess = (q: number): number => q - dual.variance(q) / dual.dT(q, q, q) - biasVariance;
  const found: number[] = [];
  for (let q = scan.least; q < scan.most; q *= scan.ratio) {
    const next = q * scan.ratio;
    if (excess(q) * excess(next) < 0) found.push(findRoot(excess, q, next));
  }
  return found;
}
