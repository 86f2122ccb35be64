/** What an experiment stores: bytes that stay and bytes that are dropped when a kernel is finished. */
import { type ExperimentSpec, eigenvalueCount } from '@tessera/spec';
import { solutionBlocks } from './cost-model.js';
import type { PlanCounts } from './plan-counts.js';
import { entryBytes, pairBytes, tileArrays } from './sizing.js';

export interface Layout {
  kernels: number;
  depths: number;
  tileSize: number;
  blocks: number;
  tilesPerKernel: number;
  stripRows: number;
  stripsPerKernel: number;
}

/** Result arrays with one number an analysis: lambda_max, lambda_min, kappa, mean_predictor_norm, and their like. */
const scalarArrays = 10;
/** Train and test accuracy, train and test loss, for each time and each ridge. */
const curveArrays = 4;

/**
 * Bytes kept of one kernel (design: where things live). Kernel arrays are whole Zarr chunks, the mirrored triangle
 * and the padding of edge tiles included, the kernel and its complement each; variances, spectra, results and
 * predictions are float64.
 */
export function keptBytesPerKernel(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  const analyses = layout.depths * spec.kernels.length;
  const blocks = solutionBlocks(spec) - 1;
  const eigenvalues = analyses * eigenvalueCount(spec.analysis.spectrum, counts.train) * 8;
  const results = analyses * (scalarArrays + curveArrays * blocks) * 8;
  const predictions = spec.keep.predictions ? analyses * blocks * counts.test * counts.classes * 8 : 0;
  return (
    keptTrainBytes(spec, counts, layout) +
    keptTestBytes(spec, counts, layout) +
    eigenvalues +
    results +
    predictions
  );
}

/** Bytes kept of one kernel's train-train matrices, their complements and variances. */
export function keptTrainBytes(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  if (spec.keep.kernels === 'none') return 0;
  const side = layout.blocks * layout.tileSize;
  const variances = layout.depths * spec.kernels.length * counts.train * 8;
  return tileArrays * side * side * pairBytes(spec, layout.depths) + variances;
}

/** Bytes kept of one kernel's test-train matrices. */
export function keptTestBytes(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  if (spec.keep.kernels !== 'all') return 0;
  return layout.stripsPerKernel * layout.stripRows * counts.train * pairBytes(spec, layout.depths);
}

/** Bytes of one kernel's train tiles, whole chunks: both arrays of each, and the variances of those on the diagonal. */
export function tileBytesPerKernel(spec: ExperimentSpec, layout: Layout): number {
  const { tilesPerKernel, tileSize, blocks, depths } = layout;
  const analyses = depths * spec.kernels.length;
  const entries = tilesPerKernel * tileSize * tileSize * tileArrays * entryBytes(spec);
  return analyses * (entries + blocks * (1 + tileSize) * 8);
}

/** Temporary bytes of one kernel until it is finished: its train tiles, its eigenvalues and its predictors. */
export function temporaryBytesPerKernel(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  const analyses = layout.depths * spec.kernels.length;
  const columns = solutionBlocks(spec) * counts.classes;
  // Solutions, then center, slopes and constants, and a mean (analysis: StripPredictor).
  const predictor = counts.test === 0 ? 0 : counts.train * columns + counts.train + 2 * columns + 1;
  const vectors = eigenvalueCount(spec.analysis.spectrum, counts.train) + predictor;
  return tileBytesPerKernel(spec, layout) + analyses * vectors * 8;
}
