/**
 * The recursion of a fully connected network in complement form. K and Theta are those of the NTK parameterisation:
 * K <- sw2 T(K) + sb2 and Theta <- K_new + sw2 T'(K_old) Theta. Beside them run, without cancellation,
 * delta = (q_a + q_b)/2 - K and Delta = (Theta_aa + Theta_bb)/2 - Theta of a pair, and of an image the distances
 * r = q_a - q_ref and rho = Theta_aa - Theta_ref from a reference.
 */
import type { Dual, PairMoments } from './dual.js';

export interface Recursion {
  dual: Dual;
  weightVariance: number;
  biasVariance: number;
  /** q_ref at the read-in. */
  referenceVariance: number;
  /** The deepest depth asked for. */
  layers: number;
}

/** One image (or the reference itself, whose distances are 0) at one depth. */
export interface Variances {
  /** q_a, Theta_aa: each by a recursion of its own, so that they are exact where they are far from the reference. */
  q: number;
  theta: number;
  r: number;
  rho: number;
  /** T'_aa - T'_ref of the layer that follows. */
  slopeDeviation: number;
}

/** q of an image at the read-in: |x|^2 / n. */
export const vectorVariance = (x: Float64Array): number => meanOf(x, (v) => v * v);

/** An image at depth 0..layers, from its variance at the read-in. */
export function vectorVariances(recursion: Recursion, readIn: number): Variances[] {
  const { dual, weightVariance, biasVariance, referenceVariance, layers } = recursion;
  let qRef = referenceVariance;
  let q = readIn;
  let theta = q;
  let r = q - qRef;
  let rho = r;
  const depths: Variances[] = [];
  for (let l = 0; l <= layers; l++) {
    const moments = dual.variance(q);
    const reference = dual.variance(qRef);
    const more = dual.deviation(qRef, q, r);
    depths.push({ q, theta, r, rho, slopeDeviation: more.derivative });
    r = weightVariance * more.value;
    rho = r + weightVariance * (reference.derivative * rho + more.derivative * theta);
    q = weightVariance * moments.value + biasVariance;
    theta = q + weightVariance * moments.derivative * theta;
    qRef = weightVariance * reference.value + biasVariance;
  }
  return depths;
}

/** What a pair is at one depth. */
export interface PairState {
  nngp: number;
  ntk: number;
  nngpComplement: number;
  ntkComplement: number;
}

export function vectorPair(
  recursion: Recursion,
  [a, b]: readonly [Float64Array, Float64Array],
  [aDepths, bDepths]: readonly [Variances[], Variances[]],
  readOut: (depth: number, state: PairState) => void,
): void {
  const { dual, weightVariance, layers } = recursion;
  let delta = meanOf(a, (v, i) => (v - (b[i] as number)) ** 2) / 2;
  let complement = delta;
  let theta = 0;
  for (let l = 0; l <= layers; l++) {
    const [va, vb] = [aDepths[l] as Variances, bDepths[l] as Variances];
    const nngp = (va.q + vb.q) / 2 - delta;
    theta += nngp;
    readOut(l, { nngp, ntk: theta, nngpComplement: delta, ntkComplement: complement });
    const pair = dual.pair({ qa: va.q, qb: vb.q, e: va.r - vb.r, delta });
    delta = weightVariance * pair.complement;
    complement = delta + weightVariance * pairTangent(pair, complement, va, vb);
    theta *= weightVariance * pair.derivative;
  }
}

/** (T'_aa Theta_aa + T'_bb Theta_bb)/2 - T'_ab Theta_ab, as it follows from the complements of both factors. */
function pairTangent(pair: PairMoments, complement: number, a: Variances, b: Variances): number {
  return (
    pair.derivative * complement +
    (pair.derivativeComplement * (a.theta + b.theta)) / 2 +
    ((a.slopeDeviation - b.slopeDeviation) * (a.rho - b.rho)) / 4
  );
}

function meanOf(x: Float64Array, f: (v: number, i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += f(x[i] as number, i);
  return sum / x.length;
}
