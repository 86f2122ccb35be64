import type { Linalg } from '@tessera/linalg';
import { type AnalysisStatus, eigenvalueCount, type Precision, type Spectrum } from '@tessera/spec';
import { GradedForm } from './graded-form.js';
import { gradeMatrix, isGraded, sum } from './graded-matrix.js';
import type { Eigenform, Filter, KernelForm, SolvedColumns } from './kernel-form.js';
import { type MatrixScan, scanMatrix } from './matrix-scan.js';
import { entryNames, nullWarning, scoreNames } from './null-warning.js';
import { PlainForm } from './plain-form.js';
import { type MeanScore, meanScore, noScore, scoreBlock } from './score-block.js';
import { placeBlock, type SolutionLayout, solutionColumns } from './solution-columns.js';
import { noSpectrum, type SpectrumNumbers, spectrumNumbers, spectrumStatus } from './spectrum-numbers.js';
import { emptyPredictor, type StripPredictor } from './strip-predictor.js';

/** One kernel matrix on the training images and what is asked about it. */
export interface AnalysisRequest {
  /** E of M_ab = (v_a + v_b)/2 - E_ab, v = reference + deviation: row-major size x size, exactly symmetric; overwritten. */
  complement: Float64Array;
  reference: number;
  /** (size). */
  deviations: Float64Array;
  /**
   * Fills M itself into a buffer of size x size numbers (the complement's own). Called at most once, and only where M
   * is not graded: there the complement has nothing over it, and in the chaotic phase less.
   */
  readMatrix(into: Float64Array): Promise<void>;
  /** Of the engine's entries: what the bound of the eigenvalues' errors rests on. */
  precision: Precision;
  /** m, the number of training images. */
  size: number;
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
  /** Of the gradient flow; `max` is 2/lambdaMax of this matrix. */
  learningRate: 'max' | number;
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

/**
 * Spectrum, ridge regression and gradient flow of one kernel matrix: in the graded form where one direction outweighs
 * all others, which keeps every digit at any condition number, else in the plain one. Needs memory of three matrices
 * where there are dynamics (the matrix becomes its eigenvectors, LAPACK works in two more), of one otherwise.
 * A matrix with NaN or infinities is no error: its numbers are null and its status is `overflow`.
 * @throws TesseraError linalg-failed when LAPACK does not converge
 */
export async function analyzeMatrix(linalg: Linalg, request: AnalysisRequest): Promise<SpectrumResult> {
  const { size, classes, times, diagReg, spectrum } = request;
  const layout = solutionColumns(times, diagReg, classes);
  const result: SpectrumResult = {
    ...noSpectrum,
    eigenvalues: null,
    trace: null,
    status: 'ok',
    warnings: [],
    train: { regression: diagReg.map(() => noScore), dynamics: times.map(() => noScore) },
    predictor: emptyPredictor(size, layout.columns),
  };
  const form = await openForm(request);
  if (Number.isFinite(form.trace)) result.trace = form.trace;
  if ('notFinite' in form) return describeOverflow(result, request, form);
  const { route, center, meanDeviation } = form;
  Object.assign(result.predictor, { route, center, meanDeviation });
  if (result.trace === null) result.warnings.push(nullWarning(['trace'], 'its sum overflows'));

  // Regression first: it leaves the matrix as it was, the eigendecomposition does not.
  const unsolved = await regress(linalg, request, form, layout, result);

  let eigen: Eigenform | null = null;
  if (spectrum !== 'none' || times.length > 0) {
    eigen = await form.eigh(linalg, times.length > 0 || unsolved.length > 0);
    const { values, filter } = eigen;
    if (filter && times.length > 0) await flow({ values, filter }, request, layout, result);
    for (const system of filter ? unsolved.splice(0) : []) {
      const solved = await solveByEigenvectors(filter as NonNullable<typeof filter>, system, classes);
      if (solved) recordRidge(request, layout, system, solved, result);
      const names = namesOf(system);
      result.warnings.push(
        solved
          ? `${system.failure}: ${names.join(', ')}: the numbers come from the eigendecomposition and hold its rounding.`
          : nullWarning(names, system.failure),
      );
    }
  }
  for (const system of unsolved) result.warnings.push(nullWarning(namesOf(system), system.failure));
  if (spectrum !== 'none' && eigen) {
    Object.assign(result, spectrumNumbers(eigen.values, result.warnings));
    result.eigenvalues = eigen.values.slice(size - eigenvalueCount(spectrum, size));
  } else {
    result.warnings.push(nullWarning(Object.keys(noSpectrum), 'the spec asks for no spectrum'));
  }
  const known = eigen && { values: eigen.values, errorBound: form.errorBound(eigen.values) };
  result.status = spectrumStatus(form.underflow, known, request.precision, result.warnings);
  if (!request.wantSolutions) warnWithoutTestImages(result);
  return result;
}

/** What of a matrix is not finite. */
type NotFinite = Pick<MatrixScan, 'notFinite' | 'firstNotFinite' | 'trace'> & {
  what: 'matrix' | 'complement' | 'variances';
};

/** Chooses the form by the numbers themselves, and reads M where the complement is not the one to use. */
async function openForm(request: AnalysisRequest): Promise<KernelForm | NotFinite> {
  const { complement, size, reference, deviations, precision } = request;
  const variances = deviations.map((deviation) => reference + deviation);
  const wrong = variances.findIndex((variance) => !Number.isFinite(variance));
  if (wrong >= 0) {
    const notFinite = variances.filter((variance) => !Number.isFinite(variance)).length;
    return { what: 'variances', notFinite, firstNotFinite: { row: wrong, col: wrong }, trace: Number.NaN };
  }
  const scan = await scanMatrix(complement, size);
  const trace = size * reference + sum(deviations) - scan.trace;
  if (scan.notFinite > 0) return { ...scan, trace, what: 'complement' };
  const graded = await gradeMatrix(complement, size, reference, deviations);
  if (isGraded(graded)) {
    return new GradedForm(graded, trace, precision);
  }
  await request.readMatrix(complement);
  const plain = await scanMatrix(complement, size);
  if (plain.notFinite > 0) return { ...plain, what: 'matrix' };
  return new PlainForm(complement, size, plain, precision);
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
  form: KernelForm,
  layout: SolutionLayout,
  result: SpectrumResult,
): Promise<(RidgeSystem & { failure: string })[]> {
  const { size, classes, diagReg, labels, meanLabels, wantSolutions } = request;
  const unsolved: (RidgeSystem & { failure: string })[] = [];
  for (const ridge of new Set(wantSolutions ? [0, ...diagReg] : diagReg)) {
    const entries = diagReg.flatMap((value, i) => (value === ridge ? [i] : []));
    const isMeanPredictor = ridge === 0 && wantSolutions;
    const targets = [...(isMeanPredictor ? [meanLabels] : []), ...(entries.length > 0 ? [labels] : [])];
    const system = { shift: (ridge * form.trace) / size, entries, isMeanPredictor, targets };
    const solved = Number.isFinite(system.shift)
      ? await form.solve(linalg, system.shift, targets, classes)
      : { failure: 'the ridge times the mean of the diagonal is not finite' };
    if ('failure' in solved) unsolved.push({ ...system, failure: `with diagReg ${ridge} ${solved.failure}` });
    else recordRidge(request, layout, system, solved, result);
  }
  return unsolved;
}

/** Puts the solutions of one ridge into their places and scores them on the training images. */
function recordRidge(
  { size, classes, labels, trainLabels, wantSolutions }: AnalysisRequest,
  layout: SolutionLayout,
  { entries, isMeanPredictor }: RidgeSystem,
  solved: readonly SolvedColumns[],
  result: SpectrumResult,
): void {
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

/**
 * Solves (M + shift I) X = Y from the eigendecomposition, where rounding has made M indefinite and Cholesky cannot.
 * Its error is that of the smallest eigenvalues: the row is flagged `ill-conditioned`.
 * @returns null where an eigenvalue is -shift or a solution is not finite
 */
async function solveByEigenvectors(
  filter: NonNullable<Eigenform['filter']>,
  { shift, targets }: RidgeSystem,
  classes: number,
): Promise<SolvedColumns[] | null> {
  const ridge: Filter = (value) => ({ weight: 1 / (value + shift), progress: value / (value + shift) });
  const solutions: SolvedColumns[] = [];
  for (const target of targets) {
    const solved = await filter([ridge], target, classes);
    if (!solved.solutions.every(Number.isFinite)) return null;
    solutions.push(shift === 0 ? { ...solved, train: target } : solved);
  }
  return solutions;
}

/** The numbers of a row that rest on one ridge. */
function namesOf({ entries, isMeanPredictor }: RidgeSystem): string[] {
  const names = entries.flatMap((i) => entryNames('regression', i));
  return isMeanPredictor ? [...names, 'meanPredictorNorm'] : names;
}

/**
 * Gradient flow of 1/2 ||f - Y||^2 from f = 0 at every time: along an eigenvector with eigenvalue w the part
 * -expm1(-eta w t) of the label is learned, by the solution that is this over w (its limit, eta t, where w = 0).
 * Source: theory.md, "Dynamics and learning rate".
 */
async function flow(
  { values, filter }: { values: Float64Array; filter: NonNullable<Eigenform['filter']> },
  request: AnalysisRequest,
  layout: SolutionLayout,
  result: SpectrumResult,
): Promise<void> {
  const { size, classes, times, labels, trainLabels } = request;
  const lambdaMax = values[size - 1] as number;
  const learningRate = request.learningRate === 'max' ? 2 / lambdaMax : request.learningRate;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    const names = times.flatMap((_, i) => entryNames('dynamics', i));
    const reason = `the learning rate 2 / lambdaMax (${lambdaMax}) is not a positive number`;
    result.warnings.push(nullWarning(names, reason));
    return;
  }
  const filters = times.map(
    (time): Filter =>
      (value) => {
        const exponent = learningRate * value * time;
        const progress = -Math.expm1(-exponent);
        return { progress, weight: exponent === 0 ? learningRate * time : progress / value };
      },
  );
  const solved = await filter(filters, labels, classes);
  const columns = times.length * classes;
  for (const i of times.keys()) {
    const block = scoreBlock(solved.train, columns, i * classes, trainLabels, labels, classes);
    const score = meanScore(block, size);
    result.train.dynamics[i] = score;
    warnNotFinite(result.warnings, 'dynamics', i, score);
  }
  if (request.wantSolutions) placeBlock(result.predictor, layout, layout.time(0), solved);
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
  { notFinite, firstNotFinite, what }: NotFinite,
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
  const reason =
    what === 'variances'
      ? `the variances of ${notFinite} of ${size} images are not finite, the first that of image ${firstNotFinite?.row}`
      : `${notFinite} of the ${what}'s ${size * size} entries are not finite, ${place}`;
  result.warnings.push(nullWarning(names, reason));
  if (spectrum !== 'none') {
    result.eigenvalues = new Float64Array(eigenvalueCount(spectrum, size)).fill(Number.NaN);
  }
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
