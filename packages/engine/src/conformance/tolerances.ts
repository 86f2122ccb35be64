/** The tolerances every engine is held to. One table, each line with its reason. */
import type { ActivationName, Family, Padding, Precision } from '@tessera/spec';

/** 24 bits, a few units in the last place a layer; promised to the depths named, and nothing below them. */
const f32 = [
  { depth: 10, tolerance: 5e-6 },
  { depth: 100, tolerance: 5e-5 },
] as const;

/**
 * Chaotic networks need no exception: there the recursion of a complement contracts, and what a network tells apart by
 * amplifying it, an engine has from the read-in's complement with all of its digits.
 */
export const tolerances = {
  /** Matrices, and variances: the largest difference over the largest entry of that depth's array. */
  matrix: {
    /** Rounding of some hundred layers, each of a few units in the last place, none of which grows. */
    f64: 1e-12,
    f32,
    /** The quadrature's truncation (tanh has no closed form). */
    tanh: 1e-11,
  },
  /**
   * Complements: the largest relative error of an entry, however small it is beside the matrix; with global pooling and zero
   * padding, where complements are signed, over the largest entry.
   */
  complement: { f64: 1e-12, f32, tanh: 1e-11 },
} as const;

/** The tolerance of one depth, or null where the precision promises nothing. */
export function toleranceOf(
  what: keyof typeof tolerances,
  precision: Precision,
  activation: ActivationName,
  depth: number,
): number | null {
  const { f64, f32, tanh } = tolerances[what];
  if (precision === 'f32') return f32.find((step) => depth <= step.depth)?.tolerance ?? null;
  return activation === 'tanh' ? tanh : f64;
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

/** Below these, numbers lose bits to underflow. */
const smallest: Record<Precision, number> = { f64: 1e-300, f32: 1.2e-38 };

/** The largest relative error of an entry; what underflows counts as right. NaN anywhere gives NaN. */
export function elementwiseError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  precision: Precision,
): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(difference)) return Number.NaN;
    if (difference > smallest[precision])
      worst = Math.max(worst, difference / Math.abs(expected[i] as number));
  }
  return worst;
}

/** The error of complements by the measure that belongs to an architecture. */
export function complementError(
  architecture: { family: Family; padding: Padding },
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  precision: Precision,
): number {
  return architecture.family === 'cnn-gap' && architecture.padding === 'same'
    ? relativeError(actual, expected)
    : elementwiseError(actual, expected, precision);
}
