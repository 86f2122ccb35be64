import type { AnalysisStatus, Precision } from '@tessera/spec';
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
 * @param underflow of its form
 * @param spectrum its eigenvalues, ascending, and the bound of their errors, or null where none were computed
 */
export function spectrumStatus(
  underflow: string | null,
  spectrum: { values: Float64Array; errorBound: number } | null,
  precision: Precision,
  warnings: string[],
): AnalysisStatus {
  if (underflow !== null) {
    warnings.push(underflow);
    return 'underflow';
  }
  if (spectrum === null) return 'ok';
  const { values, errorBound } = spectrum;
  if (!values.every(Number.isFinite)) {
    warnings.push('The eigenvalues overflow.');
    return 'overflow';
  }
  const lambdaMin = values[0] as number;
  if (lambdaMin > errorBound) return 'ok';
  const advice =
    precision === 'f32' ? ' The entries are f32; with the precision f64 the bound is lower.' : '';
  warnings.push(
    `The matrix is ill-conditioned: lambdaMin (${lambdaMin}) is below the bound of its own error (${errorBound}).${advice}`,
  );
  return 'ill-conditioned';
}
