/** The depth scales and the critical line of mean-field theory, as curves over data. */
import type { Activation } from '@tessera/spec';
import { criticalWeightVariance, meanField } from '@tessera/theory';

export interface DepthScaleCurves {
  /** [weightVariance, 8 xi_1] of the ordered phase, in rising order. */
  xi1: (readonly [number, number])[];
  /** [weightVariance, 8 xi_*] of the chaotic phase. */
  xiStar: (readonly [number, number])[];
  /** The weight variance of chi_1 = 1 within the range, or null. */
  critical: number | null;
}

/** The paper's multiple: beyond 8 depth scales, neither training nor generalization is left. */
export const depthScaleFactor = 8;

const samples = 160;

/**
 * 8 xi_1 and 8 xi_* between two weight variances. Samples lie even, and closer and closer to the critical line, where
 * both diverge.
 */
export function depthScaleCurves(
  activation: Activation,
  biasVariance: number,
  [low, high]: readonly [number, number],
): DepthScaleCurves {
  const line = criticalWeightVariance(activation, biasVariance);
  const critical = line !== null && line > low && line < high ? line : null;
  const at = Array.from({ length: samples }, (_, i) => low + (i / (samples - 1)) * (high - low));
  if (critical !== null) {
    for (let near = (high - low) / 64; near > (high - low) * 1e-5; near /= 1.6)
      at.push(critical - near, critical + near);
  }
  const weights = at.filter((value) => value >= 0 && value >= low && value <= high).sort((a, b) => a - b);
  const points = weights.map((weight) => ({ weight, field: meanField(activation, weight, biasVariance) }));
  const curve = (depth: (field: (typeof points)[number]['field']) => number | null) =>
    points.flatMap(({ weight, field }) => {
      const scale = depth(field);
      return scale === null ? [] : [[weight, depthScaleFactor * scale] as const];
    });
  return { xi1: curve((field) => field.xi1), xiStar: curve((field) => field.xiStar), critical };
}
