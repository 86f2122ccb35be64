/** Spec -> plan: a pure function whose time and memory do not depend on the number of tiles. */
import { type ExperimentSpec, expandAxis } from '@tessera/spec';
import { keptBytesPerKernel, temporaryBytesPerKernel } from './bytes.js';
import {
  analysisNs,
  entryContractionNs,
  pairLayersNs,
  pairReadInNs,
  testPairs,
  trainPairs,
} from './cost-model.js';
import { checkLimits, defaultPlanLimits, type PlanLimits } from './limits.js';
import type { PlanCounts } from './plan-counts.js';
import { chooseAnalysisBatch, chooseStripRows, chooseTileSize, pairBytes, stripRowBytes } from './sizing.js';

/**
 * The work of an experiment. Kernel k is (weightVariance[wi], biasVariance[bi]) with k = wi * biasCount + bi; its
 * tiles, analysis tasks and strips are numbered from 0 (see indices.ts).
 */
export interface Plan {
  version: 1;
  kernels: number;
  axes: { weightVariance: number[]; biasVariance: number[]; depth: number[] };
  trainCount: number;
  testCount: number;
  /** Images on a tile's side. */
  tileSize: number;
  /** Tiles on a side of the train-train matrix. */
  blocks: number;
  /** Tiles on or above the diagonal: blocks (blocks + 1) / 2. */
  tilesPerKernel: number;
  /** Depths times kinds. */
  analysesPerKernel: number;
  /** Analyses of one task, all of one kernel; about a second of work. */
  analysisBatch: number;
  analysisTasksPerKernel: number;
  /** Test rows of a strip; 0 when there are no test images. */
  stripRows: number;
  /** Test rows computed and contracted at once. */
  stripBlockRows: number;
  stripsPerKernel: number;
  /** Kernels that may be in work at once within the aim for temporary bytes; at least 1. */
  kernelsInFlight: number;
  totals: { tiles: number; analyses: number; strips: number };
  /** `temporary` is the peak: kernelsInFlight times temporaryPerKernel. */
  bytes: { kept: number; temporary: number; temporaryPerKernel: number };
  /** Estimated seconds of one core, by the table in cost-model.ts. */
  coreSeconds: number;
}

/** Temporary bytes that the kernels in flight of one experiment aim to stay under. */
export const temporaryBytesAim = 2 ** 30;

/**
 * Plans a filled spec. Sizes follow from the spec and the counts alone: the same input gives the same plan.
 * Throws TesseraError `plan-too-large`, which names the plan's size and the limit, for every limit exceeded.
 */
export function planExperiment(
  spec: ExperimentSpec,
  counts: PlanCounts,
  limits: Partial<PlanLimits> = {},
): Plan {
  const axes = {
    weightVariance: expandAxis(spec.grid.weightVariance),
    biasVariance: expandAxis(spec.grid.biasVariance),
    depth: expandAxis(spec.grid.depth),
  };
  const depths = axes.depth.length;
  const maxDepth = axes.depth.reduce((deepest, depth) => Math.max(deepest, depth), 0);
  const kernels = axes.weightVariance.length * axes.biasVariance.length;

  const tileSize = chooseTileSize(spec, counts, { kernels, depths, maxDepth });
  const blocks = Math.ceil(counts.train / tileSize);
  const tilesPerKernel = (blocks * (blocks + 1)) / 2;
  const analysesPerKernel = depths * spec.kernels.length;
  const analysisBatch = chooseAnalysisBatch(spec, counts, analysesPerKernel);
  const { stripRows, stripBlockRows } = chooseStripRows(spec, counts, { kernels, depths, maxDepth });
  const stripsPerKernel = stripRows === 0 ? 0 : Math.ceil(counts.test / stripRows);
  const totals = {
    tiles: kernels * tilesPerKernel,
    analyses: kernels * analysesPerKernel,
    strips: kernels * stripsPerKernel,
  };

  const layout = { kernels, depths, tileSize, blocks, tilesPerKernel, stripRows, stripsPerKernel };
  const kept = kernels * keptBytesPerKernel(spec, counts, layout);
  const temporaryPerKernel = temporaryBytesPerKernel(spec, counts, layout);
  checkLimits(
    {
      kernels,
      ...totals,
      keptBytes: kept,
      temporaryBytesPerKernel: temporaryPerKernel,
      tileBytes: tileSize * tileSize * pairBytes(spec, depths),
      stripRowBytes: counts.test === 0 ? 0 : stripRowBytes(spec, counts, depths),
    },
    { ...defaultPlanLimits, ...limits },
  );

  const kernelsInFlight = Math.max(1, Math.min(kernels, Math.floor(temporaryBytesAim / temporaryPerKernel)));
  return {
    version: 1,
    kernels,
    axes,
    trainCount: counts.train,
    testCount: counts.test,
    tileSize,
    blocks,
    tilesPerKernel,
    analysesPerKernel,
    analysisBatch,
    analysisTasksPerKernel: Math.ceil(analysesPerKernel / analysisBatch),
    stripRows,
    stripBlockRows,
    stripsPerKernel,
    kernelsInFlight,
    totals,
    bytes: { kept, temporary: kernelsInFlight * temporaryPerKernel, temporaryPerKernel },
    coreSeconds: estimateCoreSeconds(spec, counts, { kernels, maxDepth, analysesPerKernel }),
  };
}

function estimateCoreSeconds(
  spec: ExperimentSpec,
  counts: PlanCounts,
  { kernels, maxDepth, analysesPerKernel }: { kernels: number; maxDepth: number; analysesPerKernel: number },
): number {
  const pairNs = pairLayersNs(spec, counts, maxDepth) + pairReadInNs(spec, counts, kernels);
  const entriesNs = (trainPairs(counts) + testPairs(counts)) * pairNs;
  const contractionNs = testPairs(counts) * entryContractionNs(spec, counts, analysesPerKernel);
  return (kernels * (entriesNs + contractionNs + analysesPerKernel * analysisNs(spec, counts))) / 1e9;
}
