/**
 * The cost model: one table of constants, in nanoseconds of one core, and what a pair of images, an analysis and
 * a row of a strip cost by it. Estimates for tile sizes and for `coreSeconds`; nothing numerical depends on them.
 */
import { type ActivationName, type ExperimentSpec, inputCount, type Precision } from '@tessera/spec';
import type { PlanCounts } from './plan-counts.js';

type ByPrecision = Readonly<Record<Precision, number>>;

export const costTable = {
  /**
   * ns per entry and layer, NNGP and NTK together (the NNGP alone costs the same). Measured with the native engine:
   * 256 images, 400 layers, one core, AVX-512 (Zen 4); twice to four times as much on older instruction sets.
   */
  layer: {
    identity: { f64: 0.16, f32: 0.08 },
    relu: { f64: 1.6, f32: 0.65 },
    'leaky-relu': { f64: 1.6, f32: 0.65 },
    abs: { f64: 1.6, f32: 0.65 },
    abrelu: { f64: 1.6, f32: 0.65 },
    erf: { f64: 1.6, f32: 0.7 },
    gelu: { f64: 2.2, f32: 1 },
    sin: { f64: 2.8, f32: 1.1 },
    rbf: { f64: 1.1, f32: 0.5 },
    tanh: { f64: 136, f32: 84 },
  } satisfies Record<ActivationName, ByPrecision>,
  /** ns per entry, layer and unit of filter size (rows, then columns): global pooling, 32 x 32, filters 3 and 5. */
  filter: { f64: 0.31, f32: 0.26 } satisfies ByPrecision,
  /** ns per multiply-add of the engine's read-in product: 1,000 images of 3,072 inputs in 0.62 s. */
  gramMultiplyAdd: 0.4,
  /** Gram blocks are reused by the kernels of an experiment while all of them fit this many bytes. */
  gramCacheBytes: 256 * 2 ** 20,
  /** ns per multiply-add of a dgemm with 60 columns: 0.037 to 0.046 measured with OpenBLAS on one core. */
  gemmMultiplyAdd: 0.05,
  /** dsyevd, ns per m^3 and per m^2: fitted to OpenBLAS on one core, m = 64 .. 1024 (5.7 ms with vectors at m = 256). */
  eigenvectors: { cube: 0.2, square: 38 },
  eigenvalues: { cube: 0.045, square: 25 },
  /** dpotrf, ns per m^3: 0.016 to 0.028 measured for m >= 256. */
  cholesky: 0.02,
  /** ns per analysis that do not depend on m: reading the chunks, writing the rows. */
  analysisOverhead: 1_000_000,
} as const;

/** Pixel pairs that run through the layers for one pair of images (theory.md: displacement planes). */
export function entriesPerPair(spec: ExperimentSpec, counts: PlanCounts): number {
  const { family } = spec.architecture;
  if (family === 'fcn' || 'inputs' in counts.shape) return 1;
  const pixels = counts.shape.height * counts.shape.width;
  return family === 'cnn-flatten' ? pixels : pixels * pixels;
}

/** ns for one pair of images through all layers, without the read-in. */
export function pairLayersNs(spec: ExperimentSpec, counts: PlanCounts, maxDepth: number): number {
  const { family, activation, filterSize } = spec.architecture;
  const filterNs = family === 'fcn' ? 0 : costTable.filter[spec.precision] * filterSize;
  const layerNs = costTable.layer[activation.name][spec.precision] + filterNs;
  return entriesPerPair(spec, counts) * maxDepth * layerNs;
}

/**
 * ns for the read-in of one pair of images, a dot product over channels for each pixel pair, shared between the
 * kernels while all of them stay cached (FCN only: a CNN's planes are made anew).
 */
export function pairReadInNs(spec: ExperimentSpec, counts: PlanCounts, kernels: number): number {
  if (spec.architecture.family !== 'fcn') {
    const channels = 'inputs' in counts.shape ? counts.shape.inputs : counts.shape.channels;
    return entriesPerPair(spec, counts) * channels * costTable.gramMultiplyAdd;
  }
  const isCached = (trainPairs(counts) + testPairs(counts)) * 8 <= costTable.gramCacheBytes;
  return (inputCount(counts.shape) * costTable.gramMultiplyAdd) / (isCached ? kernels : 1);
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

/** ns for one analysis (one depth, one kind): decomposition, factorisations, solution vectors. */
export function analysisNs(spec: ExperimentSpec, counts: PlanCounts): number {
  const m = counts.train;
  const { spectrum, dynamics, regression } = spec.analysis;
  const needsVectors = dynamics !== null;
  const eigh = needsVectors ? costTable.eigenvectors : costTable.eigenvalues;
  const decomposition = needsVectors || spectrum === 'full' ? eigh.cube * m ** 3 + eigh.square * m ** 2 : 0;
  const factorisations = (regression?.diagReg.length ?? 0) + (needsVectors ? 0 : 1);
  const columns = (solutionBlocks(spec) + 1) * counts.classes;
  const products = 2 * m * m * columns * costTable.gemmMultiplyAdd;
  return decomposition + factorisations * costTable.cholesky * m ** 3 + products + costTable.analysisOverhead;
}

/** ns for contracting one entry of the test-train kernel, at all depths and kinds, with the solution vectors. */
export function entryContractionNs(
  spec: ExperimentSpec,
  counts: PlanCounts,
  analysesPerKernel: number,
): number {
  return analysesPerKernel * solutionBlocks(spec) * counts.classes * costTable.gemmMultiplyAdd;
}
