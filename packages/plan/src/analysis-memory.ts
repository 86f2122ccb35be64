/** What an aggregator holds at once for one analysis, and what can be done where that is too much. */
import { type ExperimentSpec, eigenvalueCount, type Problem } from '@tessera/spec';
import { solutionBlocks } from './cost-model.js';
import { bytesText } from './limits.js';
import type { PlanCounts } from './plan-counts.js';

/**
 * How matrices are analysed. `dense`: whole in memory. `streamed`: out of core, by Lanczos and conjugate gradients
 * over the tiles in the store, which gives the largest eigenvalues and the predictors.
 */
export type AnalysisMode = 'dense' | 'streamed';

/**
 * Matrices of m x m float64 that a dense analysis holds. Eigenvectors take dsyevd's workspace of two more; all else is
 * done in the matrix's own place. Where Cholesky fails (an ill-conditioned matrix), eigenvectors solve instead.
 */
export const denseMatrices = { eigenvectors: 3, other: 1 } as const;
/** What a matrix may take where eigenvectors are computed, with room for what is read meanwhile. */
const mostMatrices = 3.2;

/** LAPACK counts dsyevd's workspace for vectors, 1 + 6 m + 2 m^2, in 32 bits. */
const mostWithVectors = 32_765;

/** Vectors of m numbers beside the matrices: targets, solutions and their like for each column, and a few. */
function vectorsBeside(spec: ExperimentSpec, counts: PlanCounts): number {
  return 3 * (solutionBlocks(spec) + 1) * counts.classes + 16;
}

/** Systems are solved: a regression's, or that of the mean predictor of test images. */
export const hasSolutions = (spec: ExperimentSpec, counts: PlanCounts) =>
  spec.analysis.regression !== null || counts.test > 0;

/** Bytes of one dense analysis as it normally goes. */
export function denseBytes(spec: ExperimentSpec, counts: PlanCounts): number {
  const { eigenvectors, other } = denseMatrices;
  return bytesOf(spec, counts, spec.analysis.dynamics === null ? other : eigenvectors);
}

/** Bytes that one dense analysis takes at the most. */
function mostBytes(spec: ExperimentSpec, counts: PlanCounts): number {
  return bytesOf(spec, counts, mostMatricesOf(spec, counts));
}

function mostMatricesOf(spec: ExperimentSpec, counts: PlanCounts): number {
  const mayNeedVectors = spec.analysis.dynamics !== null || hasSolutions(spec, counts);
  return mayNeedVectors ? mostMatrices : denseMatrices.other;
}

function bytesOf(spec: ExperimentSpec, counts: PlanCounts, matrices: number): number {
  const m = counts.train;
  return 8 * (matrices * m * m + vectorsBeside(spec, counts) * m);
}

/** Bytes of one streamed analysis at its peak: the vectors of its iterations, and a tile as stored and as multiplied. */
export function streamedBytes(spec: ExperimentSpec, counts: PlanCounts, tileSize: number): number {
  const eigenvalues = eigenvalueCount(spec.analysis.spectrum, counts.train);
  const lanczos = eigenvalues === 0 ? 0 : 4 * (eigenvalues + 32);
  // Solution, residual, direction and their like of each column.
  const gradients = hasSolutions(spec, counts) ? 8 * solutionBlocks(spec) * counts.classes : 0;
  const vectors = lanczos + gradients + vectorsBeside(spec, counts);
  return 8 * (vectors * counts.train + 3 * tileSize * tileSize);
}

/** True where the largest eigenvalues, or none, are all that is asked for. */
function canStream({ analysis }: ExperimentSpec): boolean {
  return analysis.spectrum !== 'full' && analysis.dynamics === null;
}

/**
 * The mode of a plan's analyses and the bytes that one is expected to hold.
 * @param memoryBytes what an aggregator states it may hold; null: as much as it takes
 * @returns `problem`: why no mode fits, with what would; null where one does
 */
export function chooseAnalysisMode(
  spec: ExperimentSpec,
  counts: PlanCounts,
  tileSize: number,
  memoryBytes: number | null,
): { mode: AnalysisMode; bytes: number; problem: Problem | null } {
  const memory = memoryBytes ?? Number.POSITIVE_INFINITY;
  const dense = denseBytes(spec, counts);
  const most = mostBytes(spec, counts);
  const isTooLong = spec.analysis.dynamics !== null && counts.train > mostWithVectors;
  if (most <= memory && !isTooLong) return { mode: 'dense', bytes: dense, problem: null };
  if (!canStream(spec)) return { mode: 'dense', bytes: dense, problem: tooLarge(spec, counts, most, memory) };
  const bytes = streamedBytes(spec, counts, tileSize);
  if (bytes <= memory) return { mode: 'streamed', bytes, problem: null };
  const message =
    `one analysis of ${countText(counts.train)} images holds ${bytesText(bytes)} even out of core, and an ` +
    `aggregator has ${bytesText(memory)} (TESSERA_AGGREGATOR_MEMORY); ask for fewer eigenvalues, or take smaller tiles`;
  return { mode: 'streamed', bytes, problem: { pointer: '/analysis/spectrum', message } };
}

function tooLarge(spec: ExperimentSpec, counts: PlanCounts, dense: number, memory: number): Problem {
  const most = mostTrain(spec, counts, memory);
  const fewer = most > 0 ? `up to ${countText(most)} training images, or ` : '';
  const leave = spec.analysis.dynamics === null ? '' : ' without analysis.dynamics';
  const top = Math.min(32, counts.train);
  const limit =
    dense > memory
      ? `an aggregator has ${bytesText(memory)} (TESSERA_AGGREGATOR_MEMORY)`
      : `eigenvectors are computed of at most ${countText(mostWithVectors)} images`;
  const message =
    `one analysis of ${countText(counts.train)} images takes up to ${bytesText(dense)}, and ${limit}; what fits: ` +
    `${fewer}analysis.spectrum {"top": ${top}}${leave}, which works out of core`;
  return { pointer: '/dataset/train', message };
}

/** The largest number of training images whose dense analysis fits; 0 where none does. */
export function mostTrain(spec: ExperimentSpec, counts: PlanCounts, memoryBytes: number): number {
  // The root of matrices m^2 + vectors m = memory / 8.
  const [a, b] = [mostMatricesOf(spec, counts), vectorsBeside(spec, counts)];
  const most = Math.floor((-b + Math.sqrt(b * b + (a * memoryBytes) / 2)) / (2 * a));
  return spec.analysis.dynamics === null ? most : Math.min(most, mostWithVectors);
}

const countText = (count: number) => count.toLocaleString('en-US');
