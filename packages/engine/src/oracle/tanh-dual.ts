/**
 * phi = tanh has no closed forms: Gaussian integrals by the trapezoidal rule, which converges exponentially for analytic
 * integrands (Trefethen & Weideman 2014). tanh(sqrt(q) x) has its poles at a distance pi / (2 sqrt q) from the real line;
 * with step h the error is about exp(-pi^2 / (h sqrt q)). Complements are integrals of squares, so that nothing cancels:
 * u, v = s +- d/2 with d = u - v, and tanh u - tanh v = tanh d (1 - tanh u tanh v).
 */
import type { Dual, Moments, Pair, PairMoments } from './dual.js';
import { covariance, meanVariance } from './gaussian-pair.js';

/** exp(-HALF_WIDTH^2 / 2) = 2e-17: what is cut off is below one rounding. */
const HALF_WIDTH = 8.8;
/** exp(-pi^2 / 0.2) = 4e-22 leaves room for the high order of the poles of tanh squared times tanh squared. */
const stepFor = (q: number) => Math.min(0.4, 0.2 / Math.sqrt(Math.max(q, 1e-300)));

interface Nodes {
  at: Float64Array;
  /** Density times step. */
  weight: Float64Array;
}

/** Nodes for functions of Gaussians of variances to q. */
function nodesFor(q: number): Nodes {
  const step = stepFor(q);
  const half = Math.ceil(HALF_WIDTH / step);
  const at = Float64Array.from({ length: 2 * half + 1 }, (_, i) => (i - half) * step);
  return { at, weight: at.map((x) => (Math.exp((-x * x) / 2) * step) / Math.sqrt(2 * Math.PI)) };
}

/** E[f(x)] for a standard normal x. */
function mean(q: number, f: (x: number) => number): number {
  const { at, weight } = nodesFor(q);
  return at.reduce((sum, x, i) => sum + (weight[i] as number) * f(x), 0);
}

function variance(q: number): Moments {
  const root = Math.sqrt(q);
  return {
    value: mean(q, (x) => Math.tanh(root * x) ** 2),
    derivative: mean(q, (x) => (1 - Math.tanh(root * x) ** 2) ** 2),
  };
}

/** T and T' at q_a minus those at q: from tanh^2 u - tanh^2 v and 1 - tanh^2, u - v = (sqrt q_a - sqrt q) x. */
function deviation(q: number, qa: number, r: number): Moments {
  if (r === 0) return { value: 0, derivative: 0 };
  const [rootA, root] = [Math.sqrt(qa), Math.sqrt(q)];
  const apart = r / (rootA + root);
  const squares = (x: number, weigh: (u: number, v: number) => number) => {
    const [u, v] = [Math.tanh(rootA * x), Math.tanh(root * x)];
    return Math.tanh(apart * x) * (1 - u * v) * (u + v) * weigh(u, v);
  };
  const widest = Math.max(q, qa);
  return {
    value: mean(widest, (x) => squares(x, () => 1)),
    derivative: -mean(widest, (x) => squares(x, (u, v) => 2 - u * u - v * v)),
  };
}

/** Integrals over d = sqrt(2 delta) x and s = e x / (2 sqrt(2 delta)) + (what is left of s) y. */
function pair(pair: Pair): PairMoments {
  const { qa, qb, e, delta } = pair;
  const widest = Math.max(qa, qb);
  if (!Number.isFinite(widest + delta)) {
    return { complement: Number.NaN, derivative: Number.NaN, derivativeComplement: Number.NaN };
  }
  const apart = Math.sqrt(2 * delta);
  const along = delta === 0 ? 0 : e / (2 * apart);
  const across = Math.sqrt(Math.max(0, (meanVariance(pair) + covariance(pair)) / 2 - along * along));
  const { at, weight } = nodesFor(widest);
  let complement = 0;
  let derivative = 0;
  let derivativeComplement = 0;
  for (const [i, x] of at.entries()) {
    const half = (apart * x) / 2;
    const slope = Math.tanh(2 * half);
    const [up, down] = [along * x + half, along * x - half];
    let squares = 0;
    let products = 0;
    let slopeSquares = 0;
    for (const [j, y] of at.entries()) {
      const u = Math.tanh(up + across * y);
      const v = Math.tanh(down + across * y);
      const square = (weight[j] as number) * (1 - u * v) ** 2;
      squares += square;
      slopeSquares += square * (u + v) ** 2;
      products += (weight[j] as number) * (1 - u * u) * (1 - v * v);
    }
    const scale = (weight[i] as number) * slope * slope;
    complement += (scale * squares) / 2;
    derivativeComplement += (scale * slopeSquares) / 2;
    derivative += (weight[i] as number) * products;
  }
  return { complement, derivative, derivativeComplement };
}

export const tanhDual: Dual = {
  variance,
  deviation,
  pair,
  /** By subtraction: the absolute error is one rounding of the complements, and no smaller for pairs that are near. */
  distance(of, reference, by) {
    const [here, there] = [pair(of), pair(reference)];
    const [a, b] = [deviation(of.qa, reference.qa, by.qa), deviation(of.qb, reference.qb, by.qb)];
    return {
      value: (a.value + b.value) / 2 - (there.complement - here.complement),
      derivative:
        (a.derivative + b.derivative) / 2 - (there.derivativeComplement - here.derivativeComplement),
    };
  },
};
