import type { SolvedColumns } from './kernel-form.js';
import { entryNames } from './null-warning.js';
import { meanScore, scoreBlock } from './score-block.js';
import { placeBlock, solutionColumns } from './solution-columns.js';
import { type AnalysisQuestion, type SpectrumResult, warnNotFinite } from './spectrum-result.js';

/** One ridge: which entries of the request have it, and whether the mean predictor is solved with it. */
export interface RidgeSystem {
  ridge: number;
  /** ridge tr(M)/m. */
  shift: number;
  entries: number[];
  isMeanPredictor: boolean;
  /** The mean predictor's labels first where it is one, then the regression's where an entry asks for them. */
  targets: Float64Array[];
}

/** Mean predictor (without ridge) and every distinct ridge. */
export function ridgeSystems(
  { size, diagReg, labels, meanLabels, wantSolutions }: AnalysisQuestion,
  trace: number,
): RidgeSystem[] {
  return [...new Set(wantSolutions ? [0, ...diagReg] : diagReg)].map((ridge) => {
    const entries = diagReg.flatMap((value, i) => (value === ridge ? [i] : []));
    const isMeanPredictor = ridge === 0 && wantSolutions;
    const targets = [...(isMeanPredictor ? [meanLabels] : []), ...(entries.length > 0 ? [labels] : [])];
    return { ridge, shift: (ridge * trace) / size, entries, isMeanPredictor, targets };
  });
}

/** Puts the solutions of one ridge into their places and scores them on the training images. */
export function recordRidge(
  { size, classes, labels, trainLabels, wantSolutions, times, diagReg }: AnalysisQuestion,
  { entries, isMeanPredictor }: RidgeSystem,
  solved: readonly SolvedColumns[],
  result: SpectrumResult,
): void {
  const layout = solutionColumns(times, diagReg, classes);
  const [mean, solution] = isMeanPredictor ? solved : [undefined, solved[0]];
  if (mean) placeBlock(result.predictor, layout, layout.meanPredictor, mean);
  if (!solution) return;
  const score = meanScore(scoreBlock(solution.train, classes, 0, trainLabels, labels, classes), size);
  for (const i of entries) {
    if (wantSolutions) placeBlock(result.predictor, layout, layout.ridge(i), solution);
    result.train.regression[i] = score;
    warnNotFinite(result.warnings, 'regression', i, score);
  }
}

/** The numbers of a row that rest on one ridge. */
export function namesOf({ entries, isMeanPredictor }: RidgeSystem): string[] {
  const names = entries.flatMap((i) => entryNames('regression', i));
  return isMeanPredictor ? [...names, 'meanPredictorNorm'] : names;
}

export const shiftNotFinite = 'the ridge times the mean of the diagonal is not finite';
