/**
 * phi = erf (Williams 1997): T = (2/pi) asin(2k / sqrt((1 + 2q_a)(1 + 2q_b))), T' = (4/pi) / sqrt((1 + 2q_a)(1 + 2q_b) - 4k^2).
 */
import type { Dual, Pair } from './dual.js';
import { covariance, determinant } from './gaussian-pair.js';

/** (1 + 2q_a)(1 + 2q_b) - 4k^2, at least 1 */
const rootArgument = (pair: Pair): number => 1 + 2 * (pair.qa + pair.qb) + 4 * determinant(pair);

/** w = (sqrt(1 + 4q_a) - sqrt(1 + 4q_b))^2 (...) in the form without subtraction, and the roots it is made of. */
function roots({ qa, qb, e }: Pair) {
  const product = Math.sqrt((1 + 4 * qa) * (1 + 4 * qb));
  const wide = 1 + 2 * (qa + qb) + product;
  return { product, wide, w: (4 * e * e) / wide };
}

/** (A_aa + A_bb)/2 - A_ab for A = asin(2k / sqrt((1 + 2q_a)(1 + 2q_b))): the complement of T as an angle. */
export function erfAngle(pair: Pair): number {
  const { qa, qb } = pair;
  const k = covariance(pair);
  const { wide, w } = roots(pair);
  const n = 8 * determinant(pair) + w;
  if (n === 0) return 0;
  const x = Math.SQRT2 * Math.sqrt(rootArgument(pair));
  const c = Math.sqrt(8 * qa * qb + w);
  const m = Math.sqrt(wide);
  const y = Math.sqrt(8) * k;
  const sine = k >= 0 ? (2 * (1 + 2 * qa) * (1 + 2 * qb) * n) / (x * c + y * m) : x * c - y * m;
  return Math.atan2(sine, y * c + x * m);
}

export const erfDual: Dual = {
  variance(q) {
    const root = Math.sqrt(1 + 4 * q);
    return { value: (2 / Math.PI) * Math.atan2(2 * q, root), derivative: 4 / (Math.PI * root) };
  },

  deviation(q, qa, r) {
    if (r === 0) return { value: 0, derivative: 0 };
    const [a, b] = [Math.sqrt(1 + 4 * qa), Math.sqrt(1 + 4 * q)];
    const sine = (2 * r * (qa + q + 4 * qa * q)) / ((qa * b + q * a) * (1 + 2 * qa) * (1 + 2 * q));
    return { value: (2 / Math.PI) * Math.asin(sine), derivative: ((-16 / Math.PI) * r) / (a * b * (a + b)) };
  },

  pair(pair) {
    const { product, wide, w } = roots(pair);
    const root = Math.sqrt(rootArgument(pair));
    const diagonalRoot = Math.sqrt(product);
    const unequal = w / (product * (Math.sqrt(2 * wide) + 2 * diagonalRoot));
    const apart = (4 * determinant(pair) + w) / (diagonalRoot * root * (diagonalRoot + root));
    return {
      complement: (2 / Math.PI) * erfAngle(pair),
      derivative: 4 / (Math.PI * root),
      derivativeComplement: (4 / Math.PI) * (unequal + apart),
    };
  },

  distance(pair, reference, by) {
    const [k, kRef] = [covariance(pair), covariance(reference)];
    const [squared, squaredRef] = [rootArgument(pair), rootArgument(reference)];
    const [root, rootRef] = [Math.sqrt(squared), Math.sqrt(squaredRef)];
    const product = (1 + 2 * reference.qa) * (1 + 2 * reference.qb);
    // pair - reference of (1 + 2q_a)(1 + 2q_b), and of k^2
    const moreProduct = -2 * by.qa * (1 + 2 * pair.qb) - 2 * by.qb * (1 + 2 * reference.qa);
    const lessSquare = by.k * (kRef + k);
    const sine =
      k * kRef > 0
        ? (2 * (kRef * kRef * moreProduct + product * lessSquare)) / (kRef * root + k * rootRef)
        : 2 * (kRef * root - k * rootRef);
    const moreSquared = moreProduct + 4 * lessSquare;
    return {
      value: (2 / Math.PI) * Math.atan2(sine, root * rootRef + 4 * k * kRef),
      derivative: ((4 / Math.PI) * moreSquared) / (root * rootRef * (root + rootRef)),
    };
  },
};
