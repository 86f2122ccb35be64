/** How large tiles, analysis batches, strips and the blocks of a strip are. */
import type { ExperimentSpec } from '@tessera/spec';
import { analysisNs, entryContractionNs, pairLayersNs, pairReadInNs, solutionBlocks } from './cost-model.js';
import type { PlanCounts } from './plan-counts.js';

const second = 1e9;
const MiB = 2 ** 20;

export interface GridSize {
  kernels: number;
  depths: number;
  /** The deepest layer. */
  maxDepth: number;
}

/** What one unit of work aims at. Long enough to pay for its lease, short enough to lose to a killed worker. */
export const sizingTargets = {
  tileNs: second,
  tileBytes: 64 * MiB,
  analysisTaskNs: second,
  stripNs: 0.5 * second,
  /** What a strip leaves behind where `keep` asks for its kernel rows or predictions. */
  stripOutputBytes: 64 * MiB,
  /** What a strip holds at once while it computes and contracts. */
  stripBlockBytes: 32 * MiB,
} as const;

/** Bytes of one entry of a stored kernel. */
export function entryBytes(spec: ExperimentSpec): number {
  return spec.precision === 'f64' ? 8 : 4;
}

/** Arrays of a kind that a tile holds: the kernel and its complement. */
export const tileArrays = 2;

/** Bytes of one pair of images in one array: every depth, every kind. */
export function pairBytes(spec: ExperimentSpec, depths: number): number {
  return depths * spec.kernels.length * entryBytes(spec);
}

/** The size of equal parts of `total`, none above `most`: a multiple of `step` where `most` allows, at least 1. */
function evenPart(total: number, most: number, step: number): number {
  if (total <= most) return total;
  const unit = most >= step ? step : 1;
  const limit = Math.max(1, Math.floor(most / unit) * unit);
  const part = Math.ceil(total / Math.ceil(total / limit));
  return Math.ceil(part / unit) * unit;
}

/** Images on a tile's side: the spec's number, or as many as about a second and 64 MiB allow; never more than m. */
export function chooseTileSize(
  spec: ExperimentSpec,
  counts: PlanCounts,
  { kernels, depths, maxDepth }: GridSize,
): number {
  if (spec.tileSize !== 'auto') return Math.min(spec.tileSize, counts.train);
  const pairNs = pairLayersNs(spec, counts, maxDepth) + pairReadInNs(spec, counts, kernels);
  const byTime = Math.sqrt(sizingTargets.tileNs / pairNs);
  const byBytes = Math.sqrt(sizingTargets.tileBytes / (tileArrays * pairBytes(spec, depths)));
  return evenPart(counts.train, Math.min(byTime, byBytes), 16);
}

/** Analyses in one task: about a second of work, at least one, at most all of a kernel. */
export function chooseAnalysisBatch(
  spec: ExperimentSpec,
  counts: PlanCounts,
  analysesPerKernel: number,
): number {
  return evenPart(analysesPerKernel, sizingTargets.analysisTaskNs / analysisNs(spec, counts), 1);
}

/** Bytes of one test row against all training images, every depth, kind and array, in float64 as it is contracted. */
export function stripRowBytes(spec: ExperimentSpec, counts: PlanCounts, depths: number): number {
  return counts.train * depths * spec.kernels.length * tileArrays * 8;
}

/** Test rows of a strip, and of the blocks it is computed in. Both 0 when there are no test images. */
export function chooseStripRows(
  spec: ExperimentSpec,
  counts: PlanCounts,
  { kernels, depths, maxDepth }: GridSize,
): { stripRows: number; stripBlockRows: number } {
  if (counts.test === 0) return { stripRows: 0, stripBlockRows: 0 };
  const analyses = depths * spec.kernels.length;
  const entryNs =
    pairLayersNs(spec, counts, maxDepth) +
    pairReadInNs(spec, counts, kernels) +
    entryContractionNs(spec, counts, analyses);
  const keptKernel = spec.keep.kernels === 'all' ? counts.train * pairBytes(spec, depths) : 0;
  const keptPredictions = spec.keep.predictions ? analyses * solutionBlocks(spec) * counts.classes * 8 : 0;
  const outputBytes = Math.max(1, keptKernel + keptPredictions);
  const byTime = sizingTargets.stripNs / (counts.train * entryNs);
  const byOutput = sizingTargets.stripOutputBytes / outputBytes;
  const stripRows = evenPart(counts.test, Math.min(byTime, byOutput), 16);
  const byMemory = sizingTargets.stripBlockBytes / stripRowBytes(spec, counts, depths);
  return { stripRows, stripBlockRows: evenPart(stripRows, byMemory, 16) };
}
