import type { Linalg } from '@tessera/linalg';
import { eigenvalueCount } from '@tessera/spec';
import { blockCg, type CgSolution } from './block-cg.js';
import { largestEigenvalues, transpose } from './block-lanczos.js';
import { sum } from './graded-matrix.js';
import { nullWarning } from './null-warning.js';
import { type KernelOperator, type OperatorForm, openOperator } from './operator-form.js';
import { namesOf, type RidgeSystem, recordRidge, ridgeSystems, shiftNotFinite } from './ridge-systems.js';
import { noSpectrum } from './spectrum-numbers.js';
import {
  type AnalysisQuestion,
  describeOverflow,
  emptyResult,
  type SpectrumResult,
  variancesNotFinite,
  warnWithoutTestImages,
} from './spectrum-result.js';

/** A kernel matrix that is never whole in memory, and what is asked about it. */
export interface OperatorRequest extends AnalysisQuestion {
  operator: KernelOperator;
  /** Diagonal of E, (m). */
  diagonal: Float64Array;
  /** Limits of passes over the tiles, for eigenvalues and for each regression; 500 where left out. */
  mostProducts?: number;
}

/** A regression whose residual stays above this, relative to the labels, is named. */
const acceptedResidual = 1e-9;

/**
 * As `analyzeMatrix`, by products with E alone: the largest eigenvalues by block Lanczos, regression and mean predictor
 * by block conjugate gradients, both in the basis H where M is graded, so that the bulk keeps its digits. Memory of a
 * few hundred vectors. The gradient flow and lambdaMin need the whole spectrum: they are null.
 * @throws TesseraError linalg-failed when LAPACK does not converge
 */
export async function analyzeOperator(linalg: Linalg, request: OperatorRequest): Promise<SpectrumResult> {
  const { size, reference, deviations, diagonal, spectrum, times, wantSolutions } = request;
  const result = emptyResult(request);
  const trace = size * reference + sum(deviations) - sum(diagonal);
  if (Number.isFinite(trace)) result.trace = trace;
  const wrong = variancesNotFinite(request);
  const form = wrong === null ? await openOperator(linalg, request) : { notFinite: wrong };
  if ('notFinite' in form) return describeOverflow(result, request, form.notFinite);
  const { route, center, meanDeviation } = form;
  Object.assign(result.predictor, { route, center, meanDeviation });
  if (result.trace === null) result.warnings.push(nullWarning(['trace'], 'its sum overflows'));
  if (form.underflow !== null) {
    result.status = 'underflow';
    result.warnings.push(form.underflow);
  }
  await regress(request, form, trace, result);
  if (times.length > 0) {
    const reason = 'the gradient flow needs every eigenvector, and the matrix does not fit in memory';
    result.warnings.push(nullWarning(['dynamics[*].trainAccuracy', 'dynamics[*].trainLoss'], reason));
    if (wantSolutions) {
      result.warnings.push(nullWarning(['dynamics[*].testAccuracy', 'dynamics[*].testLoss'], reason));
    }
  }
  if (spectrum === 'none') {
    result.warnings.push(nullWarning(Object.keys(noSpectrum), 'the spec asks for no spectrum'));
  } else {
    await describeSpectrum(linalg, request, form, trace, result);
  }
  if (!wantSolutions) warnWithoutTestImages(result);
  return result;
}

/** The largest eigenvalues and what follows from them and the trace. */
async function describeSpectrum(
  linalg: Linalg,
  { size, spectrum, mostProducts }: OperatorRequest,
  form: OperatorForm,
  trace: number,
  result: SpectrumResult,
): Promise<void> {
  const count = eigenvalueCount(spectrum, size);
  const top = await form.top();
  const wanted = top ? count - 1 : count;
  const found =
    wanted > 0
      ? await largestEigenvalues(linalg, form.bulkProduct, form.bulkSize, wanted, mostProducts)
      : { values: new Float64Array(0), residuals: new Float64Array(0), converged: true, products: 0 };
  const values = new Float64Array(count).fill(Number.NaN);
  values.set(found.values, wanted - found.values.length);
  if (top) values[count - 1] = top.value;
  result.eigenvalues = values;
  if (!found.converged) {
    const worst = found.residuals.reduce((most, value) => Math.max(most, value), 0);
    result.warnings.push(
      `The largest eigenvalues did not converge in ${found.products} passes over the matrix: each lies within ${worst} of an eigenvalue.`,
    );
  }
  const lambdaMax = values[count - 1] as number;
  const lambdaBulk = (top ? top.bulkTrace : trace - lambdaMax) / (size - 1);
  const numbers = { lambdaMax, lambdaBulk, kappa: lambdaMax / lambdaBulk, maxLearningRate: 2 / lambdaMax };
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value)) Object.assign(result, { [name]: value });
    else result.warnings.push(nullWarning([name], 'it is not finite'));
  }
  const reason = 'only the largest eigenvalues are computed where the matrix does not fit in memory';
  result.warnings.push(nullWarning(['lambdaMin', 'conditionNumber'], reason));
}

/** Every ridge at once: the systems share each pass over the matrix. */
async function regress(
  request: OperatorRequest,
  form: OperatorForm,
  trace: number,
  result: SpectrumResult,
): Promise<void> {
  const { classes, mostProducts = 500 } = request;
  const systems = ridgeSystems(request, trace);
  const solvable = systems.filter(({ shift }) => Number.isFinite(shift));
  const sides = solvable.map(({ shift, targets }) => form.rightSides(shift, targets, classes));
  const solved = await solveTogether(
    form,
    sides.map((side, i) => ({ ...side, shift: (solvable[i] as RidgeSystem).shift })),
    mostProducts,
  );
  for (const system of systems) {
    const i = solvable.indexOf(system);
    const solution = solved[i];
    const names = namesOf(system);
    if (!solution) {
      result.warnings.push(nullWarning(names, shiftNotFinite));
      continue;
    }
    const { residual, iterations, indefinite, x } = solution;
    const isNumber = x.every(Number.isFinite) && Number.isFinite(residual);
    if (!isNumber || (indefinite && !(residual <= acceptedResidual))) {
      const what = indefinite ? 'the matrix is not positive definite' : 'its solution is not finite';
      result.warnings.push(nullWarning(names, `with diagReg ${system.ridge} ${what}`));
      if (indefinite && result.status === 'ok') result.status = 'ill-conditioned';
      continue;
    }
    if (residual > acceptedResidual) {
      result.warnings.push(
        `With diagReg ${system.ridge} conjugate gradients did not converge in ${iterations} passes over the matrix: ` +
          `${names.join(', ')} rest on a solution whose residual is ${residual} of the labels.`,
      );
    }
    recordRidge(request, system, form.finish(system.shift, system.targets, classes, x), result);
  }
}

interface CgSystem {
  rows: Float64Array;
  count: number;
  shift: number;
}

/** Runs the systems in step: one product with the operator for the blocks of all. */
async function solveTogether(
  form: OperatorForm,
  systems: readonly CgSystem[],
  mostProducts: number,
): Promise<CgSolution[]> {
  const size = form.bulkSize;
  const solved = new Map<number, CgSolution>();
  const running = systems.map(({ rows, count }, index) => {
    const run = blockCg(rows, count, size, mostProducts);
    return { index, run, step: run.next() };
  });
  for (;;) {
    const active = running.filter(({ index, step }) => {
      if (step.done) solved.set(index, step.value);
      return !step.done;
    });
    if (active.length === 0) return systems.map((_, i) => solved.get(i) as CgSolution);
    const blocks = active.map(({ step }) => step.value as { rows: Float64Array; count: number });
    const rows = blocks.reduce((total, { count }) => total + count, 0);
    const stacked = new Float64Array(rows * size);
    let at = 0;
    for (const block of blocks) {
      stacked.set(block.rows.subarray(0, block.count * size), at * size);
      at += block.count;
    }
    const images = transpose(await form.solveProduct(transpose(stacked, rows, size), rows), size, rows);
    at = 0;
    for (const [i, { count, rows: x }] of blocks.entries()) {
      const image = images.slice(at * size, (at + count) * size);
      at += count;
      const entry = active[i] as (typeof running)[number];
      form.addShift(image, x, count, (systems[entry.index] as CgSystem).shift);
      entry.step = entry.run.next(image);
    }
  }
}
