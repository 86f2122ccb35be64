/**
 * phi = tanh, by a quadrature that is uniform in the variances.
 *
 * The logistic distribution is a scale mixture of normals whose scale is twice a Kolmogorov variable K (Andrews &
 * Mallows 1974; Stefanski 1991), so tanh(x) = E[erf(x / (sqrt 2 K))]. The trapezoid rule in ln K converges
 * exponentially, whatever x: with step 0.14 its 23 nodes give tanh to a relative 6e-13 for every x. The duals are
 * then sums of duals of erf over pairs of nodes. Gauss-Hermite quadrature of tanh itself needs more than 100
 * nodes a dimension for 1e-6 at q = 4, and more as q grows.
 */
import { type Dual, determinant } from './dual.js';
import { erfDual } from './erf.js';

const step = 0.14;
const range = { least: 0.17, most: 4.2 };

/** The density of the Kolmogorov distribution; of its two series, the one that converges at once at x. */
function kolmogorovDensity(x: number): number {
  let sum = 0;
  for (let n = 1; n <= 6; n++) {
    if (x >= 1) {
      sum += (n % 2 === 1 ? 8 : -8) * x * n * n * Math.exp(-2 * n * n * x * x);
    } else {
      const w = ((2 * n - 1) * Math.PI) ** 2 / (4 * x * x);
      sum += (Math.sqrt(2 * Math.PI) / (x * x)) * (w - 1) * Math.exp(-w / 2);
    }
  }
  return sum;
}

/** tanh(x) ~ sum of weight * erf(scale x); `square` = scale^2. */
export const tanhNodes: readonly { weight: number; scale: number; square: number }[] = (() => {
  const nodes = [];
  for (let n = Math.ceil(Math.log(range.least) / step); n * step <= Math.log(range.most); n++) {
    const K = Math.exp(n * step);
    nodes.push({ weight: step * K * kolmogorovDensity(K), scale: Math.SQRT1_2 / K, square: 1 / (2 * K * K) });
  }
  // tanh'(0) = 1 exactly decides where the ordered phase without bias ends.
  const slope = nodes.reduce((sum, { weight, scale }) => sum + weight * scale, 0) * (2 / Math.sqrt(Math.PI));
  return nodes.map((node) => ({ ...node, weight: node.weight / slope }));
})();

/** Pairs of nodes, column by column: the sums below are the whole cost of a tanh phase diagram. */
interface Pairs {
  count: number;
  weight: Float64Array;
  product: Float64Array;
  first: Float64Array;
  second: Float64Array;
}

function pairsOf(orderMatters: boolean): Pairs {
  const list = tanhNodes.flatMap((a, i) =>
    tanhNodes.flatMap((b, j) => {
      if (!orderMatters && j < i) return [];
      const weight = a.weight * b.weight * (orderMatters || i === j ? 1 : 2);
      return [{ weight, product: a.scale * b.scale, first: a.square, second: b.square }];
    }),
  );
  const column = (name: 'weight' | 'product' | 'first' | 'second') =>
    Float64Array.from(list, (pair) => pair[name]);
  return {
    count: list.length,
    weight: column('weight'),
    product: column('product'),
    first: column('first'),
    second: column('second'),
  };
}

const orderedPairs = pairsOf(true);
/** For q1 = q2 both orders of a pair are the same. */
const unorderedPairs = pairsOf(false);

/** The sum over pairs of weight * term(scale product, (1 + 2 s1^2 q1)(1 + 2 s2^2 q2) - 4 (s1 s2 k)^2). */
function sumOverPairs(
  q1: number,
  q2: number,
  k: number,
  term: (product: number, inner: number) => number,
): number {
  const { count, weight, product, first, second } = q1 === q2 ? unorderedPairs : orderedPairs;
  const gap = determinant(q1, q2, k);
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const p = product[n] as number;
    const inner = 1 + 2 * ((first[n] as number) * q1 + (second[n] as number) * q2) + 4 * p * p * gap;
    sum += (weight[n] as number) * term(p, inner);
  }
  return sum;
}

export const tanhDual: Dual = {
  T: (q1, q2, k) =>
    (2 / Math.PI) *
    sumOverPairs(q1, q2, k, (product, inner) => Math.atan((2 * product * k) / Math.sqrt(inner))),
  dT: (q1, q2, k) => (4 / Math.PI) * sumOverPairs(q1, q2, k, (product, inner) => product / Math.sqrt(inner)),
  variance: (q) => tanhDual.T(q, q, q),
  varianceDerivative(q) {
    const { count, weight, product, first, second } = unorderedPairs;
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const square1 = first[n] as number;
      const square2 = second[n] as number;
      const inverses = 1 / (1 + 2 * square1 * q) + 1 / (1 + 2 * square2 * q);
      sum +=
        ((weight[n] as number) * (product[n] as number) * inverses) /
        Math.sqrt(1 + 2 * (square1 + square2) * q);
    }
    return (2 / Math.PI) * sum;
  },
  // Jensen: erf is concave for x >= 0, so tanh(x) = E[erf(s x)] <= erf(E[s] x), with E[s] = sqrt(pi)/2.
  shape: {
    kind: 'concave',
    bound: 1,
    majorant: {
      variance: (q) => erfDual.variance((Math.PI / 4) * q),
      varianceDerivative: (q) => (Math.PI / 4) * erfDual.varianceDerivative((Math.PI / 4) * q),
    },
  },
  isSmooth: true,
};
