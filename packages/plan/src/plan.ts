/** Spec -> plan: a pure function whose time and memory do not depend on the number of tiles. */
import { type ExperimentSpec, expandAxis } from '@tessera/spec';
import { type AnalysisMode, chooseAnalysisMode } from './analysis-memory.js';
import { keptBytesPerKernel, temporaryBytesPerKernel } from './bytes.js';
import { builtInCosts, type CostTable } from './cost-table.js';
import { type Crew, estimateSeconds, estimateWork, type WorkSeconds } from './estimate.js';
import { checkLimits, defaultPlanLimits, type PlanLimits } from './limits.js';
import type { PlanCounts } from './plan-counts.js';
import {
  chooseAnalysisBatch,
  chooseStripRows,
  chooseTileSize,
  pairBytes,
  stripRowBytes,
  tileArrays,
} from './sizing.js';
import { trainingBytes, trainingsPerKernel } from './training-work.js';

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
  /** Networks to train; plans of before there were any leave it out. */
  trainingsPerKernel?: number;
  /** Kernels that may be in work at once within the aim for temporary bytes; at least 1. */
  kernelsInFlight: number;
  totals: { tiles: number; analyses: number; strips: number; trainings?: number };
  analysisMode: AnalysisMode;
  /**
   * `temporary` is the peak: kernelsInFlight times temporaryPerKernel. `analysis` is what an aggregator holds in memory
   * for one analysis.
   */
  bytes: { kept: number; temporary: number; temporaryPerKernel: number; analysis: number };
  /** Estimated seconds of one core, all work together and by kind. */
  coreSeconds: number;
  workSeconds: WorkSeconds;
  /** Estimated seconds by the clock, on the cores there were when it was planned. */
  seconds: number;
}

/** What a plan is made for, beside the spec. Sizes do not depend on `costs` and `crew`: only the estimates do. */
export interface PlanOptions {
  limits?: Partial<PlanLimits>;
  /** What every aggregator may hold at once; null (the default): as much as it takes. */
  aggregatorBytes?: number | null;
  costs?: CostTable;
  /** Default: one core for everything. */
  crew?: Crew;
}

/** Temporary bytes that the kernels in flight of one experiment aim to stay under. */
export const temporaryBytesAim = 2 ** 30;

/**
 * Plans a filled spec. Sizes follow from the spec, the counts and the aggregators' memory alone: the same input gives
 * the same tiles and bytes, whatever was measured of the machines.
 * Throws TesseraError `plan-too-large`, which names the plan's size and the limit, for every limit exceeded, and for an
 * analysis that fits no aggregator.
 */
export function planExperiment(spec: ExperimentSpec, counts: PlanCounts, options: PlanOptions = {}): Plan {
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
  const trainings = trainingsPerKernel(spec);
  const totals = {
    tiles: kernels * tilesPerKernel,
    analyses: kernels * analysesPerKernel,
    strips: kernels * stripsPerKernel,
    trainings: kernels * trainings,
  };
  const network = trainingBytes(spec, counts);

  const layout = { kernels, depths, tileSize, blocks, tilesPerKernel, stripRows, stripsPerKernel };
  const kept = kernels * keptBytesPerKernel(spec, counts, layout);
  const temporaryPerKernel = temporaryBytesPerKernel(spec, counts, layout) + network.checkpoints;
  const analysis = chooseAnalysisMode(spec, counts, tileSize, options.aggregatorBytes ?? null);
  checkLimits(
    {
      kernels,
      ...totals,
      trainingStepBytes: network.step,
      keptBytes: kept,
      temporaryBytesPerKernel: temporaryPerKernel,
      tileBytes: tileSize * tileSize * tileArrays * pairBytes(spec, depths),
      stripRowBytes: counts.test === 0 ? 0 : stripRowBytes(spec, counts, depths),
    },
    { ...defaultPlanLimits, ...options.limits },
    analysis.problem === null ? [] : [analysis.problem],
  );

  const kernelsInFlight = Math.max(1, Math.min(kernels, Math.floor(temporaryBytesAim / temporaryPerKernel)));
  const analysisTasksPerKernel = Math.ceil(analysesPerKernel / analysisBatch);
  const planned = {
    ...layout,
    trainCount: counts.train,
    maxDepth,
    analysesPerKernel,
    analysisTasksPerKernel,
    trainingsPerKernel: trainings,
    analysisMode: analysis.mode,
  };
  const workSeconds = estimateWork(spec, counts, planned, options.costs ?? builtInCosts);
  const crew = options.crew ?? { workerCores: 1, aggregatorCores: 1, cores: 1 };
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
    analysisTasksPerKernel,
    stripRows,
    stripBlockRows,
    stripsPerKernel,
    trainingsPerKernel: trainings,
    kernelsInFlight,
    totals,
    analysisMode: analysis.mode,
    bytes: {
      kept,
      temporary: kernelsInFlight * temporaryPerKernel,
      temporaryPerKernel,
      analysis: analysis.bytes,
    },
    coreSeconds: Object.values(workSeconds).reduce((sum, seconds) => sum + seconds, 0),
    workSeconds,
    seconds: estimateSeconds(workSeconds, planned, crew),
  };
}
