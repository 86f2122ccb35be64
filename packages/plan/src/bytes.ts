/** What an experiment stores: bytes that stay and bytes that are dropped when a kernel is finished. */
import type { ExperimentSpec } from '@tessera/spec';
import { solutionBlocks } from './cost-model.js';
import type { PlanCounts } from './plan-counts.js';
import { entryBytes, pairBytes } from './sizing.js';

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
 * and the padding of edge tiles included; spectra, results and predictions are float64.
 */
export function keptBytesPerKernel(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  const analyses = layout.depths * spec.kernels.length;
  const blocks = solutionBlocks(spec) - 1;
  const perPair = pairBytes(spec, layout.depths);
  const trainSide = layout.blocks * layout.tileSize;
  const trainTrain = spec.keep.kernels === 'none' ? 0 : trainSide * trainSide * perPair;
  const testTrain =
    spec.keep.kernels === 'all' ? layout.stripsPerKernel * layout.stripRows * counts.train * perPair : 0;
  const eigenvalues = spec.analysis.spectrum === 'full' ? analyses * counts.train * 8 : 0;
  const results = analyses * (scalarArrays + curveArrays * blocks) * 8;
  const predictions = spec.keep.predictions ? analyses * blocks * counts.test * counts.classes * 8 : 0;
  return trainTrain + testTrain + eigenvalues + results + predictions;
}

/** Temporary bytes of one kernel until it is finished: its train tiles (whole chunks) and its solution vectors. */
export function temporaryBytesPerKernel(spec: ExperimentSpec, counts: PlanCounts, layout: Layout): number {
  const analyses = layout.depths * spec.kernels.length;
  const tiles = layout.tilesPerKernel * layout.tileSize * layout.tileSize * analyses * entryBytes(spec);
  const solutions =
    counts.test === 0 ? 0 : analyses * counts.train * solutionBlocks(spec) * counts.classes * 8;
  return tiles + solutions;
}
