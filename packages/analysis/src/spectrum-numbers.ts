import type { AnalysisStatus } from '@tessera/spec';
import { nullWarning } from './null-warning.js';

/** The numbers of a spectrum; null where one does not exist or is not finite. */
export interface SpectrumNumbers {
  lambdaMax: number | null;
  lambdaMin: number | null;
  /** Mean of all eigenvalues but the largest. */
  lambdaBulk: number | null;
  /** lambdaMax / lambdaBulk. */
  kappa: number | null;
  /** lambdaMax / lambdaMin. */
  conditionNumber: number | null;
  /** 2 / lambdaMax, the largest rate at which gradient descent is stable. */
  maxLearningRate: number | null;
}

export const noSpectrum: SpectrumNumbers = {
  lambdaMax: null,
  lambdaMin: null,
  lambdaBulk: null,
  kappa: null,
  conditionNumber: null,
  maxLearningRate: null,
};

/** Smallest normal float64: below it numbers lose digits. */
const smallestNormal = 2 ** -1022;

/** Rounding of a float64 eigensolver, relative to lambdaMax and per row. */
const roundingPerRow = 2.2e-16;

/**
 * @param values eigenvalues, ascending, at least one
 * @param warnings gets a sentence for each number that is null
 */
export function spectrumNumbers(values: Float64Array, warnings: string[]): SpectrumNumbers {
  const size = values.length;
  const lambdaMax = values[size - 1] as number;
  const lambdaMin = values[0] as number;
  // Summed from the computed bulk itself: trace - lambdaMax would lose it where lambdaMax dominates.
  const lambdaBulk = values.subarray(0, size - 1).reduce((sum, value) => sum + value, 0) / (size - 1);
  const explain = (name: string, value: number, reason: string): number | null => {
    if (Number.isFinite(value)) return value;
    warnings.push(nullWarning([name], reason));
    return null;
  };
  if (size === 1) warnings.push(nullWarning(['lambdaBulk', 'kappa'], 'there is only one eigenvalue'));
  const positive = (value: number, result: number) => (value > 0 ? result : Number.NaN);
  return {
    lambdaMax: explain('lambdaMax', lambdaMax, 'it is not finite'),
    lambdaMin: explain('lambdaMin', lambdaMin, 'it is not finite'),
    lambdaBulk: size === 1 ? null : explain('lambdaBulk', lambdaBulk, 'it is not finite'),
    kappa:
      size === 1
        ? null
        : explain('kappa', lambdaMax / lambdaBulk, `${lambdaMax} / lambdaBulk (${lambdaBulk}) is not finite`),
    conditionNumber: explain(
      'conditionNumber',
      positive(lambdaMin, lambdaMax / lambdaMin),
      lambdaMin > 0 ? 'it is not finite' : `lambdaMin (${lambdaMin}) is not positive`,
    ),
    maxLearningRate: explain(
      'maxLearningRate',
      positive(lambdaMax, 2 / lambdaMax),
      lambdaMax > 0
        ? `2 / lambdaMax (${lambdaMax}) is not finite`
        : `lambdaMax (${lambdaMax}) is not positive`,
    ),
  };
}

/**
 * The flag of a finite matrix. It takes no number away.
 * @param largest largest magnitude of its entries
 * @param values its eigenvalues, ascending, or null where none were computed
 */
export function spectrumStatus(
  largest: number,
  values: Float64Array | null,
  warnings: string[],
): AnalysisStatus {
  if (largest < smallestNormal) {
    warnings.push(`The matrix underflows: its largest entry is ${largest}.`);
    return 'underflow';
  }
  if (values === null) return 'ok';
  if (!values.every(Number.isFinite)) {
    warnings.push('The eigenvalues overflow.');
    return 'overflow';
  }
  const lambdaMin = values[0] as number;
  const floor = values.length * roundingPerRow * (values.at(-1) as number);
  if (lambdaMin >= floor) return 'ok';
  warnings.push(
    `The matrix is ill-conditioned: lambdaMin (${lambdaMin}) is below the rounding of its spectrum (${floor}).`,
  );
  return 'ill-conditioned';
}
