/**
 * The cost model: one table of constants, in nanoseconds of one core, and what a pair of images, an analysis and
 * a row of a strip cost by it. Estimates for tile sizes and for `coreSeconds`; nothing numerical depends on them.
 */
import type { ActivationName, ExperimentSpec, Precision } from '@tessera/spec';
import type { PlanCounts } from './plan-counts.js';

type ByPrecision = Readonly<Record<Precision, number>>;

export const costTable = {
  /**
   * ns per entry and layer, NNGP and NTK together. erf and relu: compiler-vectorised C++ (g++ -O3, AVX-512, Zen 4,
   * one core, entries in L1), measured. The others are scaled from these by their count of divisions, roots
   * and transcendental functions.
   */
  layer: {
    identity: { f64: 0.6, f32: 0.3 },
    relu: { f64: 2.6, f32: 1.1 },
    'leaky-relu': { f64: 2.6, f32: 1.1 },
    abs: { f64: 2.6, f32: 1.1 },
    abrelu: { f64: 2.6, f32: 1.1 },
    erf: { f64: 2.1, f32: 0.9 },
    gelu: { f64: 4.2, f32: 1.8 },
    sin: { f64: 3.2, f32: 1.4 },
    rbf: { f64: 1.8, f32: 0.8 },
    tanh: { f64: 12, f32: 12 },
  } satisfies Record<ActivationName, ByPrecision>,
  /** Share of a layer's cost when only the NNGP kernel is asked for: no T', no Theta. */
  nngpShare: 0.6,
  /** ns per entry, layer and unit of filter size (rows then columns). 3 x 3: measured 3.4 - 2.6 (f64), 1.4 - 1.1 (f32). */
  filter: { f64: 0.27, f32: 0.1 } satisfies ByPrecision,
  /** ns per multiply-add of the read-in Gram product of the native engine (fixed order, f64 accumulation). */
  gramMultiplyAdd: 0.1,
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
  const share = spec.kernels.includes('ntk') ? 1 : costTable.nngpShare;
  const filterNs = family === 'fcn' ? 0 : costTable.filter[spec.precision] * filterSize;
  const layerNs = share * (costTable.layer[activation.name][spec.precision] + filterNs);
  return entriesPerPair(spec, counts) * maxDepth * layerNs;
}

/** ns for the read-in of one pair of images: a dot product over channels for each pixel pair. */
export function pairReadInNs(spec: ExperimentSpec, counts: PlanCounts): number {
  const { shape } = counts;
  if ('inputs' in shape) return shape.inputs * costTable.gramMultiplyAdd;
  const products =
    spec.architecture.family === 'fcn'
      ? shape.height * shape.width * shape.channels
      : entriesPerPair(spec, counts) * shape.channels;
  return products * costTable.gramMultiplyAdd;
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

/**
 * ns for the read-in of a whole experiment: once when all Gram blocks stay cached (FCN only: a CNN's planes are
 * recomputed), else once a kernel.
 */
export function totalReadInNs(spec: ExperimentSpec, counts: PlanCounts, kernels: number): number {
  const pairs = (counts.train * (counts.train + 1)) / 2 + counts.train * counts.test;
  const isCached = spec.architecture.family === 'fcn' && pairs * 8 <= costTable.gramCacheBytes;
  return pairs * pairReadInNs(spec, counts) * (isCached ? 1 : kernels);
}
