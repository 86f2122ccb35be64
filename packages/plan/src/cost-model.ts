/** What a pair of images, an analysis and a row of a strip cost by a cost table, in nanoseconds of one core. */
import { type ExperimentSpec, eigenvalueCount, inputCount } from '@tessera/spec';
import { builtInCosts, type CostTable } from './cost-table.js';
import type { PlanCounts } from './plan-counts.js';

/** Gram blocks are reused by the kernels of an experiment while all of them fit this many bytes. */
const gramCacheBytes = 256 * 2 ** 20;

/** Pixel pairs that run through the layers for one pair of images (theory.md: displacement planes). */
export function entriesPerPair(spec: ExperimentSpec, counts: PlanCounts): number {
  const { family } = spec.architecture;
  if (family === 'fcn' || 'inputs' in counts.shape) return 1;
  const pixels = counts.shape.height * counts.shape.width;
  return family === 'cnn-flatten' ? pixels : pixels * pixels;
}

/** ns for one pair of images through all layers, without the read-in. */
export function pairLayersNs(
  spec: ExperimentSpec,
  counts: PlanCounts,
  maxDepth: number,
  costs: CostTable = builtInCosts,
): number {
  const { family, activation, filterSize } = spec.architecture;
  const layer = costs.layer[family === 'fcn' ? 'fcn' : 'cnn'][activation.name][spec.precision];
  const filter = family === 'fcn' ? 0 : costs.filter[spec.precision] * filterSize;
  return entriesPerPair(spec, counts) * maxDepth * (layer + filter);
}

/**
 * ns for the read-in of one pair of images, a dot product over channels for each pixel pair, shared between the
 * kernels while all of them stay cached (FCN only: a CNN's planes are made anew).
 */
export function pairReadInNs(
  spec: ExperimentSpec,
  counts: PlanCounts,
  kernels: number,
  costs: CostTable = builtInCosts,
): number {
  if (spec.architecture.family !== 'fcn') {
    const channels = 'inputs' in counts.shape ? counts.shape.inputs : counts.shape.channels;
    return entriesPerPair(spec, counts) * channels * costs.gramMultiplyAdd;
  }
  const isCached = (trainPairs(counts) + testPairs(counts)) * 8 <= gramCacheBytes;
  return (inputCount(counts.shape) * costs.gramMultiplyAdd) / (isCached ? kernels : 1);
}

/** Pairs of training images, each once, the diagonal included. */
export function trainPairs({ train }: PlanCounts): number {
  return (train * (train + 1)) / 2;
}

/** Pairs of a test and a training image. */
export function testPairs({ train, test }: PlanCounts): number {
  return train * test;
}

/** Blocks of solution vectors of one analysis: the mean predictor, the times, the ridges. */
export function solutionBlocks(spec: ExperimentSpec): number {
  const times = spec.analysis.dynamics?.times.length ?? 0;
  const ridges = spec.analysis.regression?.diagReg.length ?? 0;
  return 1 + times + ridges;
}

/** Rows of a matrix whose lower triangle a cache of some 32 MiB holds. */
const cachedRows = 2800;

/** What the reduction to tridiagonal form takes more where it waits for memory: while more than that is left of the matrix. */
function streamingNs(m: number, { streamedEntry, cachedEntry }: CostTable): number {
  const entries = Math.max(0, m ** 3 - cachedRows ** 3) / 6;
  return entries * Math.max(0, streamedEntry - cachedEntry);
}

/** ns for one analysis (one depth, one kind): assembly, decomposition, factorisations, solution vectors. */
export function analysisNs(
  spec: ExperimentSpec,
  counts: PlanCounts,
  costs: CostTable = builtInCosts,
): number {
  const m = counts.train;
  const { spectrum, dynamics, regression } = spec.analysis;
  const needsVectors = dynamics !== null;
  const eigh = needsVectors ? costs.eigenvectors : costs.eigenvalues;
  const isDecomposed = needsVectors || eigenvalueCount(spectrum, m) > 0;
  const decomposition = isDecomposed ? eigh.cube * m ** 3 + eigh.square * m ** 2 + streamingNs(m, costs) : 0;
  const meanPredictor = needsVectors || counts.test === 0 ? 0 : 1;
  const factorisations = (regression?.diagReg.length ?? 0) + meanPredictor;
  const columns = (solutionBlocks(spec) + 1) * counts.classes;
  const products = 2 * m * m * columns * costs.gemmMultiplyAdd;
  return (
    decomposition +
    factorisations * costs.cholesky * m ** 3 +
    products +
    costs.matrixEntry * m ** 2 +
    costs.analysis
  );
}

/** ns for contracting one entry of the test-train kernel, at all depths and kinds, with the solution vectors. */
export function entryContractionNs(
  spec: ExperimentSpec,
  counts: PlanCounts,
  analysesPerKernel: number,
  costs: CostTable = builtInCosts,
): number {
  const columns = solutionBlocks(spec) * counts.classes;
  // The predictions of a row are scored once, whatever the number of training images.
  const scoring = (columns * costs.prediction) / counts.train;
  return analysesPerKernel * (columns * costs.gemmMultiplyAdd + costs.stripEntry + scoring);
}
