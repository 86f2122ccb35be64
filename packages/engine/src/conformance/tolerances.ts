/** The tolerances every engine is held to. One table, each line with its reason. */
import {
  type ActivationName,
  type Family,
  float32Tolerances,
  float64Tolerance,
  type Padding,
  type Precision,
  tanhTolerance,
} from '@tessera/spec';

/**
 * Chaotic networks need no exception: there the recursion of a complement contracts, and what a network tells apart by
 * amplifying it, an engine has from the read-in's complement with all of its digits.
 */
export const tolerances = {
  /** Matrices, and variances: the largest difference over the largest entry of that depth's array. */
  matrix: {
    f64: float64Tolerance,
    f32: float32Tolerances,
    tanh: tanhTolerance,
  },
  /**
   * Complements: the largest relative error of an entry, however small it is beside the matrix; with global pooling and zero
   * padding, where complements are signed, over the largest entry.
   */
  complement: { f64: float64Tolerance, f32: float32Tolerances, tanh: tanhTolerance },
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
