import type { EigenbasisMemory, Linalg } from '@tessera/linalg';
import { eigenvalueCount } from '@tessera/spec';
import { GradedForm } from './graded-form.js';
import { gradeMatrix, isGraded, sum } from './graded-matrix.js';
import type { Eigenform, Filter, KernelForm, SolvedColumns } from './kernel-form.js';
import { type MatrixScan, scanMatrix } from './matrix-passes.js';
import { entryNames, nullWarning } from './null-warning.js';
import { PlainForm } from './plain-form.js';
import { namesOf, type RidgeSystem, recordRidge, ridgeSystems, shiftNotFinite } from './ridge-systems.js';
import { meanScore, scoreBlock } from './score-block.js';
import { placeBlock, solutionColumns } from './solution-columns.js';
import { noSpectrum, spectrumNumbers, spectrumStatus } from './spectrum-numbers.js';
import {
  type AnalysisQuestion,
  describeOverflow,
  emptyResult,
  type SpectrumResult,
  variancesNotFinite,
  warnNotFinite,
  warnWithoutTestImages,
} from './spectrum-result.js';

/** A kernel matrix in memory and what is asked about it. */
export interface AnalysisRequest extends AnalysisQuestion {
  /** E, row-major m x m, exactly symmetric; overwritten. */
  complement: Float64Array;
  /**
   * Fills M itself into a buffer of m x m numbers (the complement's own). Called at most once, and only where M is not
   * graded: there the complement has nothing over it, and in the chaotic phase less.
   */
  readMatrix(into: Float64Array): Promise<void>;
  /** Of the gradient flow; `max` is 2/lambdaMax of this matrix. */
  learningRate: 'max' | number;
  /** What the eigendecomposition works in, for one analysis at a time; new memory where left out. */
  memory?: EigenbasisMemory;
}

/**
 * Spectrum, ridge regression and gradient flow of one kernel matrix: in the graded form where one direction outweighs
 * all others, which keeps every digit at any condition number, else in the plain one. Needs memory of three matrices
 * where there are dynamics (the matrix becomes its eigenvectors, LAPACK works in two more), of one otherwise.
 * A matrix with NaN or infinities is no error: its numbers are null and its status is `overflow`.
 * @throws TesseraError linalg-failed when LAPACK does not converge
 */
export async function analyzeMatrix(linalg: Linalg, request: AnalysisRequest): Promise<SpectrumResult> {
  const { size, classes, times, spectrum } = request;
  const result = emptyResult(request);
  const form = await openForm(linalg, request);
  if (Number.isFinite(form.trace)) result.trace = form.trace;
  if ('notFinite' in form) return describeOverflow(result, request, form.notFinite);
  const { route, center, meanDeviation } = form;
  Object.assign(result.predictor, { route, center, meanDeviation });
  if (result.trace === null) result.warnings.push(nullWarning(['trace'], 'its sum overflows'));

  // Regression first: it leaves the matrix as it was, the eigendecomposition does not.
  const unsolved = await regress(linalg, request, form, result);

  let eigen: Eigenform | null = null;
  if (spectrum !== 'none' || times.length > 0) {
    eigen = await form.eigh(linalg, times.length > 0 || unsolved.length > 0, request.memory);
    const { values, filter } = eigen;
    if (filter && times.length > 0) await flow({ values, filter }, request, result);
    for (const system of filter ? unsolved.splice(0) : []) {
      const solved = await solveByEigenvectors(filter as NonNullable<typeof filter>, system, classes);
      if (solved) recordRidge(request, system, solved, result);
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

/** Chooses the form by the numbers themselves, and reads M where the complement is not the one to use. */
async function openForm(
  linalg: Linalg,
  request: AnalysisRequest,
): Promise<KernelForm | { notFinite: string; trace: number }> {
  const { complement, size, reference, deviations, precision } = request;
  const wrong = variancesNotFinite(request);
  if (wrong !== null) return { notFinite: wrong, trace: Number.NaN };
  const { scan, graded } = await gradeMatrix(linalg, complement, size, reference, deviations);
  const trace = size * reference + sum(deviations) - scan.trace;
  if (scan.notFinite > 0) return { notFinite: describeScan('complement', size, scan), trace };
  if (isGraded(graded)) return new GradedForm(graded, trace, precision);
  await request.readMatrix(complement);
  const plain = await scanMatrix(linalg, complement, size);
  if (plain.notFinite > 0) return { notFinite: describeScan('matrix', size, plain), trace: plain.trace };
  return new PlainForm(complement, size, plain, precision);
}

function describeScan(what: string, size: number, { notFinite, firstNotFinite }: MatrixScan): string {
  const place = `the first in row ${firstNotFinite?.row}, column ${firstNotFinite?.col}`;
  return `${notFinite} of the ${what}'s ${size * size} entries are not finite, ${place}`;
}

/**
 * Mean predictor and every ridge: one factorisation for each distinct ridge.
 * @returns those that Cholesky could not solve
 */
async function regress(
  linalg: Linalg,
  request: AnalysisRequest,
  form: KernelForm,
  result: SpectrumResult,
): Promise<(RidgeSystem & { failure: string })[]> {
  const unsolved: (RidgeSystem & { failure: string })[] = [];
  for (const system of ridgeSystems(request, form.trace)) {
    const { ridge, shift, targets } = system;
    const solved = Number.isFinite(shift)
      ? await form.solve(linalg, shift, targets, request.classes)
      : { failure: shiftNotFinite };
    if ('failure' in solved) unsolved.push({ ...system, failure: `with diagReg ${ridge} ${solved.failure}` });
    else recordRidge(request, system, solved, result);
  }
  return unsolved;
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

/**
 * Gradient flow of 1/2 ||f - Y||^2 from f = 0 at every time: along an eigenvector with eigenvalue w the part
 * -expm1(-eta w t) of the label is learned, by the solution that is this over w (its limit, eta t, where w = 0).
 * Source: theory.md, "Dynamics and learning rate".
 */
async function flow(
  { values, filter }: { values: Float64Array; filter: NonNullable<Eigenform['filter']> },
  request: AnalysisRequest,
  result: SpectrumResult,
): Promise<void> {
  const { size, classes, times, diagReg, labels, trainLabels } = request;
  const layout = solutionColumns(times, diagReg, classes);
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
