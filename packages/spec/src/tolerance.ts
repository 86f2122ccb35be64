/** How near to the truth every engine's numbers are held by the conformance suite, and so how far two engines may differ. */
import type { ActivationName } from './activation.js';
import type { Precision } from './experiment-spec.js';

/** Relative to the largest entry of a matrix, and of complements to each entry; to this depth, null: to every depth. */
export interface Tolerance {
  depth: number | null;
  tolerance: number;
}

/** 24 bits, a few units in the last place a layer; promised to the depths named, and nothing below them. */
export const float32Tolerances = [
  { depth: 10, tolerance: 5e-6 },
  { depth: 100, tolerance: 5e-5 },
] as const satisfies Tolerance[];
/** Rounding of some hundred layers, each of a few units in the last place, none of which grows. */
export const float64Tolerance = 1e-12;
/** The quadrature's truncation (tanh has no closed form). */
export const tanhTolerance = 1e-11;

export function tolerancesOf(precision: Precision, activation: ActivationName): readonly Tolerance[] {
  if (precision === 'f32') return float32Tolerances;
  return [{ depth: null, tolerance: activation === 'tanh' ? tanhTolerance : float64Tolerance }];
}
