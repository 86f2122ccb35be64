/** The recursion of a fully connected network for one pair of inputs (theory.md: recursions, NTK parameterisation). */
import type { Dual } from './dual.js';

export interface Recursion {
  dual: Dual;
  weightVariance: number;
  biasVariance: number;
  /** The deepest depth asked for. */
  layers: number;
}

/** Variances q of one input at depth 0..layers: q <- sw2 T(q, q, q) + sb2, starting from |x|^2 / n. */
export function vectorVariances(recursion: Recursion, x: Float64Array): Float64Array {
  const { dual, weightVariance, biasVariance, layers } = recursion;
  const q = new Float64Array(layers + 1);
  q[0] = meanProduct(x, x);
  for (let l = 0; l < layers; l++) {
    const variance = q[l] as number;
    q[l + 1] = weightVariance * dual(variance, variance, variance).value + biasVariance;
  }
  return q;
}

/**
 * K and Theta of a pair at every depth: K <- sw2 T(K) + sb2 and Theta <- K_new + sw2 T'(K_old) Theta.
 * `same` says that both inputs are one image: its covariance then is its variance, exactly.
 */
export function vectorPair(
  recursion: Recursion,
  pair: { a: Float64Array; b: Float64Array; qa: Float64Array; qb: Float64Array; same: boolean },
  readOut: (depth: number, nngp: number, ntk: number) => void,
): void {
  const { dual, weightVariance, biasVariance, layers } = recursion;
  let k = pair.same ? (pair.qa[0] as number) : meanProduct(pair.a, pair.b);
  let theta = k;
  readOut(0, k, theta);
  for (let l = 0; l < layers; l++) {
    const { value, derivative } = dual(pair.qa[l] as number, pair.qb[l] as number, k);
    k = pair.same ? (pair.qa[l + 1] as number) : weightVariance * value + biasVariance;
    theta = k + weightVariance * derivative * theta;
    readOut(l + 1, k, theta);
  }
}

function meanProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum / a.length;
}
