/**
 * The tolerances every engine is held to: the largest difference divided by the largest entry of that depth's matrix.
 * One table, each line with its reason.
 */
import type { ActivationName, Precision } from '@tessera/spec';

const reluLike: readonly ActivationName[] = ['relu', 'leaky-relu', 'abs', 'abrelu'];

export const tolerances = {
  /** Rounding of some hundred layers, each of a few units in the last place, none of which grows. */
  f64: 1e-12,
  /**
   * sqrt(q1 q2 - k^2) loses half of the digits as the correlation goes to 1: the error of storing K in float64 comes
   * back as its square root, one layer in depth after another.
   */
  f64ReluLikeDeep: 2e-9,
  deepFrom: 50,
  /** 24 bits, a few of them lost in 1 - x^2; promised to this depth. */
  f32: 1e-4,
  f32Depth: 10,
  /** The expansion's and the quadrature's truncation, for variances to 4 (tanh has no closed form). */
  tanh: 1e-11,
} as const;

/** The tolerance of one depth, or null where the precision promises nothing. */
export function toleranceOf(precision: Precision, activation: ActivationName, depth: number): number | null {
  if (precision === 'f32') return depth <= tolerances.f32Depth ? tolerances.f32 : null;
  if (activation === 'tanh') return tolerances.tanh;
  if (reluLike.includes(activation) && depth >= tolerances.deepFrom) return tolerances.f64ReluLikeDeep;
  return tolerances.f64;
}

/** The largest difference of two matrices over the largest entry of the expected one; NaN anywhere gives NaN. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const here = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(here)) return Number.NaN;
    difference = Math.max(difference, here);
    largest = Math.max(largest, Math.abs(expected[i] as number));
  }
  return largest === 0 ? difference : difference / largest;
}
