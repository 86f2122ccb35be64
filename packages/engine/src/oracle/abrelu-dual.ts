/**
 * phi(x) = a min(x, 0) + b max(x, 0) (Cho & Saul 2009), by the angle theta between the two Gaussians:
 * T' = c - kappa theta, T = c k + kappa sqrt(q_a q_b) J(theta), J = sin theta - theta cos theta.
 */
import type { Dual, Pair } from './dual.js';

const TERMS = 16;

/** J(t) / t^3 = sum over n >= 1 of (-1)^(n+1) 2n t^(2n-2) / (2n+1)!, on [0, pi]. */
const series = (() => {
  const coefficients: number[] = [];
  for (let n = 1, factorial = 6; n <= TERMS; n++, factorial *= 2 * n * (2 * n + 1)) {
    coefficients.push(((n % 2 === 1 ? 1 : -1) * 2 * n) / factorial);
  }
  return coefficients;
})();

/** sin t - t cos t with relative accuracy: the direct form loses 1 / t^2. */
export function arcExcess(t: number): number {
  const z = t * t;
  return series.reduceRight((sum, c) => sum * z + c, 0) * z * t;
}

/** arcExcess(t + d) - arcExcess(t), by Horner's rule on the pair (sum, difference of the sums). */
function arcExcessStep(t: number, d: number): number {
  const later = t + d;
  const [z, zLater] = [t * t, later * later];
  const dz = d * (t + later);
  let sum = 0;
  let step = 0;
  for (let n = TERMS - 1; n >= 0; n--) {
    step = step * zLater + sum * dz;
    sum = sum * z + (series[n] as number);
  }
  // (sum + step) (t + d)^3 - sum t^3
  return step * zLater * later + sum * d * (z + t * later + zLater);
}

/** g = sqrt(q_a q_b) and g (1 - cos theta) = delta - (sqrt q_a - sqrt q_b)^2/2. */
function arc({ qa, qb, e, delta }: Pair) {
  const [a, b] = [Math.sqrt(qa), Math.sqrt(qb)];
  const apart = e === 0 ? 0 : e / (a + b);
  return { g: a * b, gap: Math.max(0, delta - (apart * apart) / 2) };
}

/** theta; 0 where a variance is 0, whose pair has no angle and a kernel of 0. */
function angle(g: number, gap: number): number {
  return g === 0 ? 0 : 2 * Math.atan2(Math.sqrt(gap), Math.sqrt(Math.max(0, 2 * g - gap)));
}

export function abreluDual(a: number, b: number): Dual {
  const c = (a * a + b * b) / 2;
  const kappa = (a - b) ** 2 / (2 * Math.PI);
  return {
    variance: (q) => ({ value: c * q, derivative: c }),
    deviation: (_q, _qa, r) => ({ value: c * r, derivative: 0 }),

    pair(pair) {
      const { g, gap } = arc(pair);
      const theta = angle(g, gap);
      return {
        complement: c * pair.delta - kappa * g * arcExcess(theta),
        derivative: c - kappa * theta,
        derivativeComplement: kappa * theta,
      };
    },

    distance(pair, reference, by) {
      const { g, gap } = arc(pair);
      const { g: gRef, gap: gapRef } = arc(reference);
      const theta = angle(g, gap);
      const thetaRef = angle(gRef, gapRef);
      let turn = thetaRef - theta;
      const products = by.qa * reference.qb + by.qb * pair.qa;
      const moreG = products === 0 ? 0 : products / (gRef + g);
      if (g > 0 && gRef > 0) {
        // Each gap is g - k: their difference by subtraction, or from those of g and k, as it is the more exact.
        const near = Math.max(gap, gapRef) < Math.abs(moreG) + Math.abs(by.k);
        const moreGap = near ? gapRef - gap : moreG - by.k;
        // h = sin^2(theta / 2); sin((theta_ref - theta) / 2) by the addition theorem.
        const [h, hRef] = [gap / (2 * g), gapRef / (2 * gRef)];
        const moreH = (moreGap * g - gap * moreG) / (2 * g * gRef);
        const sum = Math.sqrt(hRef * Math.max(0, 1 - h)) + Math.sqrt(h * Math.max(0, 1 - hRef));
        if (sum > 0) turn = 2 * Math.asin(Math.min(1, Math.max(-1, moreH / sum)));
      }
      return {
        value: c * by.k + kappa * (moreG * arcExcess(thetaRef) + g * arcExcessStep(theta, turn)),
        derivative: -kappa * turn,
      };
    },
  };
}
