/** How long a plan takes: seconds of one core by kind of work, and by the clock on the cores there are. */
import { type ExperimentSpec, eigenvalueCount } from '@tessera/spec';
import { type AnalysisMode, hasSolutions } from './analysis-memory.js';
import { keptTestBytes, keptTrainBytes, type Layout, tileBytesPerKernel } from './bytes.js';
import {
  analysisNs,
  entryContractionNs,
  pairLayersNs,
  pairReadInNs,
  solutionBlocks,
  testPairs,
  trainPairs,
} from './cost-model.js';
import type { CostTable } from './cost-table.js';
import type { PlanCounts } from './plan-counts.js';
import type { Rates } from './rates.js';
import { entryBytes } from './sizing.js';
import { trainingsNs } from './training-work.js';

/** Seconds of one core that each kind of work takes, all kernels together. */
export interface WorkSeconds {
  tiles: number;
  analyses: number;
  strips: number;
  finishes: number;
  /** Plans of before there were any leave it out. */
  trainings?: number;
}

export interface PlannedWork extends Layout {
  trainCount: number;
  maxDepth: number;
  analysesPerKernel: number;
  analysisTasksPerKernel: number;
  trainingsPerKernel: number;
  analysisMode: AnalysisMode;
}

/** Passes over a matrix that conjugate gradients take; thousands where it is ill conditioned. */
const gradientPasses = 200;
/** Vectors that a pass of Lanczos multiplies at once. */
const lanczosBlock = 8;

export function estimateWork(
  spec: ExperimentSpec,
  counts: PlanCounts,
  work: PlannedWork,
  costs: CostTable,
): WorkSeconds {
  const { kernels, maxDepth, analysesPerKernel } = work;
  const seconds = (ns: number) => (kernels * ns) / 1e9;
  const pairNs = pairLayersNs(spec, counts, maxDepth, costs) + pairReadInNs(spec, counts, kernels, costs);
  const tileBytes = tileBytesPerKernel(spec, work);
  const contractionNs = entryContractionNs(spec, counts, analysesPerKernel, costs);
  const oneAnalysisNs =
    work.analysisMode === 'dense' ? analysisNs(spec, counts, costs) : streamedNs(spec, counts, costs);
  const keptTrain = keptTrainBytes(spec, counts, work);
  return {
    tiles: seconds(
      trainPairs(counts) * pairNs + tileBytes * costs.writeByte + work.tilesPerKernel * costs.task,
    ),
    analyses: seconds(
      analysesPerKernel * oneAnalysisNs +
        (work.analysisMode === 'dense' ? tileBytes * costs.readByte : 0) +
        work.analysisTasksPerKernel * costs.task,
    ),
    strips: seconds(
      testPairs(counts) * (pairNs + contractionNs) +
        keptTestBytes(spec, counts, work) * costs.writeByte +
        work.stripsPerKernel * costs.task,
    ),
    // Tiles are read and verified, and wait for the disk as they are linked; so do their mirror images, written here.
    finishes: seconds(
      keptTrain * (costs.readByte + costs.durableByte) +
        keptTestBytes(spec, counts, work) * costs.readByte +
        costs.task,
    ),
    trainings: seconds(trainingsNs(spec, counts, costs)),
  };
}

/** ns of one analysis out of core: every pass reads all tiles of the matrix and multiplies by them. */
function streamedNs(spec: ExperimentSpec, counts: PlanCounts, costs: CostTable): number {
  const m = counts.train;
  const eigenvalues = eigenvalueCount(spec.analysis.spectrum, m);
  const columns = solutionBlocks(spec) * counts.classes;
  const passNs = (columnsAtOnce: number) =>
    (m * m * entryBytes(spec) * costs.readByte) / 2 + 2 * m * m * columnsAtOnce * costs.gemmMultiplyAdd;
  const lanczosPasses = eigenvalues === 0 ? 0 : (3 * (eigenvalues + 64)) / lanczosBlock;
  const solving = hasSolutions(spec, counts) ? gradientPasses * passNs(columns) : 0;
  return lanczosPasses * passNs(lanczosBlock) + solving + costs.analysis;
}

/** The cores that work can run on. */
export interface Crew {
  workerCores: number;
  aggregatorCores: number;
  /** Of the machines they run on, which may be the same. */
  cores: number;
}

/** The cores of the living processes; where there are none of a role, those of `fallback`. */
export function crewOf(measured: readonly { role: string; rates: Rates }[], fallbackCores: number): Crew {
  const threadsOf = (role: string) =>
    measured.filter((one) => one.role === role).reduce((sum, { rates }) => sum + rates.threads, 0);
  const hosts = new Map<string, { cores: number; threads: number }>();
  for (const { rates } of measured) {
    const { cores, threads } = hosts.get(rates.host) ?? { cores: rates.hostCores, threads: 0 };
    hosts.set(rates.host, { cores, threads: threads + rates.threads });
  }
  const cores = [...hosts.values()].reduce((sum, host) => sum + Math.min(host.cores, host.threads), 0);
  const [workers, aggregators] = [threadsOf('worker'), threadsOf('aggregator')];
  return {
    workerCores: workers || fallbackCores,
    aggregatorCores: aggregators || fallbackCores,
    cores: Math.max(cores, workers > 0 && aggregators > 0 ? 0 : fallbackCores),
  };
}

/** From this size on a decomposition runs on all cores of its process; smaller ones on one, beside one another (linalg). */
const sharedSize = 2048;

/** Seconds from the request to the first task, and between the waves of a kernel. */
const startSeconds = 0.3;
const waveSeconds = 0.05;

/**
 * Seconds by the clock. The waves of one kernel follow one another, those of different kernels overlap, so that many
 * kernels keep every core busy.
 */
export function estimateSeconds(work: WorkSeconds, plan: PlannedWork, crew: Crew): number {
  const onCores = (seconds: number, cores: number, tasksPerKernel: number) =>
    seconds / Math.min(cores, Math.max(1, tasksPerKernel * plan.kernels));
  const { workerCores, aggregatorCores } = crew;
  const { trainings = 0 } = work;
  const workers =
    onCores(work.tiles, workerCores, plan.tilesPerKernel) +
    onCores(work.strips, workerCores, plan.stripsPerKernel) +
    onCores(trainings, workerCores, plan.trainingsPerKernel);
  const decompositions = plan.trainCount >= sharedSize ? aggregatorCores : plan.analysisTasksPerKernel;
  const aggregators =
    onCores(work.analyses, aggregatorCores, decompositions) + onCores(work.finishes, aggregatorCores, 1);
  const inTurns = workers + aggregators;
  const total = work.tiles + work.analyses + work.strips + work.finishes + trainings;
  const overlapped = Math.max(workers, aggregators, total / crew.cores);
  const waves = 3 + Math.sign(plan.stripsPerKernel) + Math.sign(plan.trainingsPerKernel);
  return startSeconds + waves * waveSeconds + overlapped + Math.max(0, inTurns - overlapped) / plan.kernels;
}
