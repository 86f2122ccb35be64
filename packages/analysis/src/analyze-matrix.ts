import type { Linalg } from '@tessera/linalg';
import type { AnalysisStatus } from '@tessera/spec';
import { gradientFlow } from './gradient-flow.js';
import { type MatrixScan, scanMatrix } from './matrix-scan.js';
import { entryNames, nullWarning, scoreNames } from './null-warning.js';
import { ridgeTrainPredictions, solveByEigenvectors, solveRidge } from './ridge-regression.js';
import { type MeanScore, meanScore, noScore, scoreBlock } from './score-block.js';
import { placeBlock, type SolutionLayout, solutionColumns } from './solution-columns.js';
import { noSpectrum, type SpectrumNumbers, spectrumNumbers, spectrumStatus } from './spectrum-numbers.js';

/** One kernel matrix on the training images and what is asked about it. */
export interface AnalysisRequest {
  /** Theta(train, train), row-major size x size, exactly symmetric; overwritten. */
  matrix: Float64Array;
  /** m, the number of training images. */
  size: number;
  /** Y, row-major m x classes, as the spec's `labels` say. */
  labels: Float64Array;
  /** Y of the mean predictor, row-major m x classes: always centred over the training images. */
  meanLabels: Float64Array;
  classes: number;
  trainLabels: Int32Array;
  spectrum: 'full' | 'none';
  diagReg: readonly number[];
  times: readonly number[];
  /** Of the gradient flow; `max` is 2/lambdaMax of this matrix. */
  learningRate: 'max' | number;
  /** There are test images: the solution vectors are needed. */
  wantSolutions: boolean;
}

/** What is known about a matrix without test images; a null is named by a warning. */
export interface SpectrumResult extends SpectrumNumbers {
  /** Ascending; NaN where the matrix is not finite; null where no spectrum was asked for. */
  eigenvalues: Float64Array | null;
  trace: number | null;
  status: AnalysisStatus;
  warnings: string[];
  /** In request order. */
  train: { regression: MeanScore[]; dynamics: MeanScore[] };
  /** Row-major m x columns of `solutionColumns`; a block that does not exist (or is not wanted) is NaN. */
  solutions: Float64Array;
}

/**
 * Spectrum, ridge regression and gradient flow of one kernel matrix. Needs memory of three matrices where there are
 * dynamics (the matrix becomes its eigenvectors, LAPACK works in two more), of one otherwise.
 * A matrix with NaN or infinities is no error: its numbers are null and its status is `overflow`.
 * @throws TesseraError linalg-failed when LAPACK does not converge
 */
export async function analyzeMatrix(linalg: Linalg, request: AnalysisRequest): Promise<SpectrumResult> {
  const { matrix, size, classes, times, diagReg, spectrum } = request;
  const layout = solutionColumns(times, diagReg, classes);
  const scan = scanMatrix(matrix, size);
  const result: SpectrumResult = {
    ...noSpectrum,
    eigenvalues: null,
    trace: Number.isFinite(scan.trace) ? scan.trace : null,
    status: 'ok',
    warnings: [],
    train: { regression: diagReg.map(() => noScore), dynamics: times.map(() => noScore) },
    solutions: new Float64Array(size * layout.columns).fill(Number.NaN),
  };
  if (scan.notFinite > 0) return describeOverflow(result, request, scan);
  if (result.trace === null) result.warnings.push(nullWarning(['trace'], 'its sum overflows'));

  // Regression first: it leaves the matrix as it was, the eigendecomposition does not.
  const unsolved = await regress(linalg, request, layout, scan.trace, result);

  let values: Float64Array | null = null;
  if (spectrum === 'full' || times.length > 0) {
    const eigen = await linalg.eigh(matrix, size, times.length > 0 || unsolved.length > 0);
    values = eigen.values;
    const { vectors } = eigen;
    if (vectors && times.length > 0) await flow(linalg, request, layout, { values, vectors }, result);
    for (const system of vectors ? unsolved.splice(0) : []) {
      const { shift, targets, failure } = system;
      const solved = await solveByEigenvectors(
        linalg,
        { values, vectors: vectors as Float64Array },
        shift,
        targets,
        classes,
      );
      if (solved) recordRidge(request, layout, system, solved, result);
      const outcome = solved ? 'the numbers come from the eigendecomposition and hold its rounding' : null;
      const names = namesOf(system);
      result.warnings.push(
        outcome ? `${failure}: ${names.join(', ')}: ${outcome}.` : nullWarning(names, failure),
      );
    }
  }
  for (const system of unsolved) result.warnings.push(nullWarning(namesOf(system), system.failure));
  if (spectrum === 'full' && values) {
    Object.assign(result, spectrumNumbers(values, result.warnings));
    result.eigenvalues = values;
  } else {
    result.warnings.push(nullWarning(Object.keys(noSpectrum), 'the spec asks for no spectrum'));
  }
  result.status = spectrumStatus(scan.largest, values, result.warnings);
  if (!request.wantSolutions) warnWithoutTestImages(result);
  return result;
}

/** One ridge: which entries of the request have it, and whether the mean predictor is solved with it. */
interface RidgeSystem {
  shift: number;
  entries: number[];
  isMeanPredictor: boolean;
  /** The mean predictor's labels first where it is one, then the regression's where an entry asks for them. */
  targets: Float64Array[];
}

/**
 * Mean predictor (without ridge) and every ridge: one factorisation for each distinct ridge.
 * @returns those that Cholesky could not solve
 */
async function regress(
  linalg: Linalg,
  request: AnalysisRequest,
  layout: SolutionLayout,
  trace: number,
  result: SpectrumResult,
): Promise<(RidgeSystem & { failure: string })[]> {
  const { matrix, size, classes, diagReg, labels, meanLabels, wantSolutions } = request;
  const unsolved: (RidgeSystem & { failure: string })[] = [];
  for (const ridge of new Set(wantSolutions ? [0, ...diagReg] : diagReg)) {
    const entries = diagReg.flatMap((value, i) => (value === ridge ? [i] : []));
    const isMeanPredictor = ridge === 0 && wantSolutions;
    const targets = [...(isMeanPredictor ? [meanLabels] : []), ...(entries.length > 0 ? [labels] : [])];
    const solved = await solveRidge(linalg, matrix, size, trace, ridge, targets, classes);
    const system = { shift: (ridge * trace) / size, entries, isMeanPredictor, targets };
    if ('failure' in solved) unsolved.push({ ...system, failure: solved.failure });
    else recordRidge(request, layout, system, solved.solutions, result);
  }
  return unsolved;
}

/** Puts the solutions of one ridge into their places and scores them on the training images. */
function recordRidge(
  { size, classes, labels, trainLabels, wantSolutions }: AnalysisRequest,
  layout: SolutionLayout,
  { shift, entries, isMeanPredictor }: RidgeSystem,
  solutions: readonly Float64Array[],
  result: SpectrumResult,
): void {
  const [mean, solution] = isMeanPredictor ? solutions : [undefined, solutions[0]];
  if (mean) placeBlock(result.solutions, layout, layout.meanPredictor, mean);
  if (!solution) return;
  const predictions = ridgeTrainPredictions(labels, solution, shift);
  const score = meanScore(scoreBlock(predictions, classes, 0, trainLabels, labels, classes), size);
  for (const i of entries) {
    if (wantSolutions) placeBlock(result.solutions, layout, layout.ridge(i), solution);
    result.train.regression[i] = score;
    warnNotFinite(result.warnings, 'regression', i, score);
  }
}

/** The numbers of a row that rest on one ridge. */
function namesOf({ entries, isMeanPredictor }: RidgeSystem): string[] {
  const names = entries.flatMap((i) => entryNames('regression', i));
  return isMeanPredictor ? [...names, 'meanPredictorNorm'] : names;
}

/** Gradient flow at every time. */
async function flow(
  linalg: Linalg,
  request: AnalysisRequest,
  layout: SolutionLayout,
  eigen: { values: Float64Array; vectors: Float64Array },
  result: SpectrumResult,
): Promise<void> {
  const { size, classes, times, labels, trainLabels } = request;
  const lambdaMax = eigen.values[size - 1] as number;
  const learningRate = request.learningRate === 'max' ? 2 / lambdaMax : request.learningRate;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    const names = times.flatMap((_, i) => entryNames('dynamics', i));
    const reason = `the learning rate 2 / lambdaMax (${lambdaMax}) is not a positive number`;
    result.warnings.push(nullWarning(names, reason));
    return;
  }
  const { predictions, solutions } = await gradientFlow(linalg, eigen, labels, classes, times, learningRate);
  const columns = times.length * classes;
  for (const i of times.keys()) {
    const block = scoreBlock(predictions, columns, i * classes, trainLabels, labels, classes);
    const score = meanScore(block, size);
    result.train.dynamics[i] = score;
    warnNotFinite(result.warnings, 'dynamics', i, score);
  }
  if (!request.wantSolutions) return;
  const firstColumn = layout.time(0) * classes;
  for (let row = 0; row < size; row++) {
    const from = solutions.subarray(row * columns, (row + 1) * columns);
    result.solutions.set(from, row * layout.columns + firstColumn);
  }
}

function warnNotFinite(
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

function describeOverflow(
  result: SpectrumResult,
  { size, spectrum, wantSolutions }: AnalysisRequest,
  { notFinite, firstNotFinite }: MatrixScan,
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
  const place = `the first in row ${firstNotFinite?.row}, column ${firstNotFinite?.col}`;
  const reason = `${notFinite} of the matrix's ${size * size} entries are not finite, ${place}`;
  result.warnings.push(nullWarning(names, reason));
  if (spectrum === 'full') result.eigenvalues = new Float64Array(size).fill(Number.NaN);
  result.status = 'overflow';
  if (!wantSolutions) warnWithoutTestImages(result);
  return result;
}

function warnWithoutTestImages({ train, warnings }: SpectrumResult): void {
  const names: string[] = [];
  if (train.regression.length > 0) names.push('regression[*].testAccuracy', 'regression[*].testLoss');
  if (train.dynamics.length > 0) names.push('dynamics[*].testAccuracy', 'dynamics[*].testLoss');
  warnings.push(nullWarning([...names, 'meanPredictorNorm'], 'there are no test images'));
}
