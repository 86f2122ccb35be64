import { type AnalysisStatus, eigenvalueCount, type Precision, type Spectrum } from '@tessera/spec';
import { entryNames, nullWarning, scoreNames } from './null-warning.js';
import { type MeanScore, noScore } from './score-block.js';
import { solutionColumns } from './solution-columns.js';
import { noSpectrum, type SpectrumNumbers } from './spectrum-numbers.js';
import { emptyPredictor, type StripPredictor } from './strip-predictor.js';

/** What is asked about the kernel matrix M_ab = (v_a + v_b)/2 - E_ab on the training images, v = reference + deviation. */
export interface AnalysisQuestion {
  /** m, the number of training images. */
  size: number;
  reference: number;
  /** (m). */
  deviations: Float64Array;
  /** Of the engine's entries: what the bound of the eigenvalues' errors rests on. */
  precision: Precision;
  /** Y, row-major m x classes, as the spec's `labels` say. */
  labels: Float64Array;
  /** Y of the mean predictor, row-major m x classes: always centred over the training images. */
  meanLabels: Float64Array;
  classes: number;
  trainLabels: Int32Array;
  /** All eigenvalues, only the largest, or none. */
  spectrum: Spectrum;
  diagReg: readonly number[];
  times: readonly number[];
  /** There are test images: the solution vectors are needed. */
  wantSolutions: boolean;
}

/** What is known about a matrix without test images; a null is named by a warning. */
export interface SpectrumResult extends SpectrumNumbers {
  /** Those asked for, ascending; NaN where the matrix is not finite; null where no spectrum was asked for. */
  eigenvalues: Float64Array | null;
  trace: number | null;
  status: AnalysisStatus;
  warnings: string[];
  /** In request order. */
  train: { regression: MeanScore[]; dynamics: MeanScore[] };
  /** Its columns are those of `solutionColumns`. */
  predictor: StripPredictor;
}

/** A result with nothing in it yet. */
export function emptyResult({ size, classes, times, diagReg }: AnalysisQuestion): SpectrumResult {
  return {
    ...noSpectrum,
    eigenvalues: null,
    trace: null,
    status: 'ok',
    warnings: [],
    train: { regression: diagReg.map(() => noScore), dynamics: times.map(() => noScore) },
    predictor: emptyPredictor(size, solutionColumns(times, diagReg, classes).columns),
  };
}

export function warnNotFinite(
  warnings: string[],
  group: 'regression' | 'dynamics',
  index: number,
  score: MeanScore,
): void {
  const names: string[] = [];
  if (score.accuracy === null) names.push('trainAccuracy');
  if (score.loss === null) names.push('trainLoss');
  if (names.length > 0) warnings.push(nullWarning(entryNames(group, index, names), 'it is not finite'));
}

/** @param reason what of the matrix is not finite */
export function describeOverflow(
  result: SpectrumResult,
  { size, spectrum, wantSolutions }: AnalysisQuestion,
  reason: string,
): SpectrumResult {
  const { regression, dynamics } = result.train;
  const names = Object.keys(noSpectrum);
  if (result.trace === null) names.push('trace');
  const groups = [
    ...(regression.length > 0 ? ['regression'] : []),
    ...(dynamics.length > 0 ? ['dynamics'] : []),
  ];
  for (const group of groups) names.push(...scoreNames.map((name) => `${group}[*].${name}`));
  if (wantSolutions) names.push('meanPredictorNorm');
  result.warnings.push(nullWarning(names, reason));
  if (spectrum !== 'none') {
    result.eigenvalues = new Float64Array(eigenvalueCount(spectrum, size)).fill(Number.NaN);
  }
  result.status = 'overflow';
  if (!wantSolutions) warnWithoutTestImages(result);
  return result;
}

export function warnWithoutTestImages({ train, warnings }: SpectrumResult): void {
  const names: string[] = [];
  if (train.regression.length > 0) names.push('regression[*].testAccuracy', 'regression[*].testLoss');
  if (train.dynamics.length > 0) names.push('dynamics[*].testAccuracy', 'dynamics[*].testLoss');
  warnings.push(nullWarning([...names, 'meanPredictorNorm'], 'there are no test images'));
}

/** Why the variances are no numbers to work with, or null. */
export function variancesNotFinite({ size, reference, deviations }: AnalysisQuestion): string | null {
  const wrong = [...deviations.keys()].filter((i) => !Number.isFinite(reference + (deviations[i] as number)));
  if (wrong.length === 0) return null;
  return `the variances of ${wrong.length} of ${size} images are not finite, the first that of image ${wrong[0]}`;
}
