/** Phases and depth scales of one point (sw2, sb2); the equations are in variance-map.ts and correlation-map.ts. */
import type { Activation, Phase } from '@tessera/spec';
import { correlationFixedPoint, criticalTolerance } from './correlation-map.js';
import { dual as dualOf } from './duals/for-activation.js';
import { varianceFixedPoint } from './variance-map.js';

/** Mean-field quantities of a wide network; null where a number does not exist. */
export interface MeanField {
  phase: Phase;
  /** What the variance map reaches from q = 1. */
  qStar: number | null;
  /** What the correlation map reaches from c = 1/2. */
  cStar: number | null;
  /** sw2 T'(q*, q*, q*). */
  chi1: number | null;
  /** sw2 T'(q*, q*, c* q*). */
  chiC: number | null;
  /** -1/ln chi_1, where chi_1 < 1: the depth scale of trainability in the ordered phase. */
  xi1: number | null;
  /** -1/(ln chi_c* - ln chi_1), where chi_1 > 1: the depth scale of generalization in the chaotic phase. */
  xiStar: number | null;
  /** -1/ln chi_c*: the depth scale on which correlations reach c*. */
  xiC: number | null;
  warnings: string[];
}

function withoutNumbers(phase: Phase, warning: string): MeanField {
  const none = { qStar: null, cStar: null, chi1: null, chiC: null, xi1: null, xiStar: null, xiC: null };
  return { phase, ...none, warnings: [warning] };
}

/**
 * The phase, fixed points and depth scales of (weightVariance, biasVariance), both >= 0. Never throws: where q* is
 * infinite the phase is `unbounded`, where it is 0 `degenerate`, and every number is null with a warning.
 */
export function meanField(activation: Activation, weightVariance: number, biasVariance: number): MeanField {
  const dual = dualOf(activation);
  const { qStar, isEveryVarianceFixed } = varianceFixedPoint(dual, weightVariance, biasVariance);
  if (qStar === 0) {
    return withoutNumbers('degenerate', 'The variance map shrinks to 0: there is no positive q*.');
  }
  const chi1 = Number.isFinite(qStar) ? weightVariance * dual.dT(qStar, qStar, qStar) : Number.NaN;
  if (!Number.isFinite(chi1)) {
    return withoutNumbers(
      'unbounded',
      'The variance map grows without bound, or beyond float64: there is no finite q*.',
    );
  }

  const { cStar, chiC, isEveryCorrelationFixed } = correlationFixedPoint(dual, weightVariance, qStar, chi1);
  const warnings: string[] = [];
  if (isEveryVarianceFixed) {
    warnings.push('Every variance is a fixed point; qStar is the start of the iteration, 1.');
  }
  if (isEveryCorrelationFixed) {
    warnings.push('Every correlation is a fixed point; cStar is the start of the iteration, 1/2.');
  }
  const isCritical = Math.abs(chi1 - 1) <= criticalTolerance;
  return {
    phase: isCritical ? 'critical' : chi1 < 1 ? 'ordered' : 'chaotic',
    qStar,
    cStar,
    chi1,
    chiC,
    xi1: chi1 < 1 ? depthScale(chi1) : null,
    xiStar: chi1 > 1 ? depthScale(chiC / chi1) : null,
    xiC: depthScale(chiC),
    warnings,
  };
}

/** Layers in which rate^l falls by a factor e; 0 where rate is 0, null where it does not fall. */
function depthScale(rate: number): number | null {
  return rate < 1 ? -1 / Math.log(rate) : null;
}
