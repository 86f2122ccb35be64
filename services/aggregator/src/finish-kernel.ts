import {
  combineStrips,
  decodeStripScores,
  type SolutionLayout,
  type StripScores,
  type StripSummary,
  solutionColumns,
  withTestWarnings,
} from '@tessera/analysis';
import { type AnalysisRecord, type ClaimedTask, type DoneTask, kernelAnalyses } from '@tessera/database';
import { NotYet, type OpenedExperiment } from '@tessera/experiment';
import { temporaryKernelKey } from '@tessera/store';
import type { Aggregation } from './aggregation.js';
import type { Aggregated } from './analysis-batch.js';
import { publishKernel } from './publish-kernel.js';
import { wholeWave } from './whole-wave.js';

/**
 * Finishes a kernel: sums its strips in index order into the rows' test scores, makes what the spec keeps readable,
 * and (once accepted) drops what is temporary. Idempotent: a second run writes the same bytes.
 */
export async function finishKernel(
  aggregation: Aggregation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<Aggregated> {
  const { db, store } = aggregation;
  const { id } = experiment;
  const { kernelIndex } = task;
  const strips = await wholeWave(db, experiment, kernelIndex, 'strip');
  const rows = completeRows(experiment, await kernelAnalyses(db, id, kernelIndex), strips);
  await publishKernel(aggregation, experiment, task, rows, strips, signal);
  return {
    pieces: {},
    bytes: 0,
    result: null,
    analyses: rows,
    afterwards: () => store.deletePrefix(temporaryKernelKey(id, kernelIndex)),
  };
}

/** The kernel's rows with their test scores; without test images as they are. */
function completeRows(
  { spec, plan, subset }: OpenedExperiment,
  rows: readonly AnalysisRecord[],
  strips: readonly DoneTask[],
): AnalysisRecord[] {
  if (rows.length !== plan.analysesPerKernel) throw new NotYet('an analysis of this kernel is not done');
  if (plan.stripsPerKernel === 0) return [...rows];
  const { dynamics, regression } = spec.analysis;
  const columns = solutionColumns(dynamics?.times ?? [], regression?.diagReg ?? [], subset.classes);
  const scores = strips.map((strip) => decodeStripScores(strip.result ?? new Uint8Array(), columns.blocks));
  return rows.map((row, position) => {
    const parts = scores.map((strip) => strip[position] as StripScores);
    const filled = withTestScores(row, combineStrips(parts), columns);
    return { ...filled, warnings: withTestWarnings(filled) };
  });
}

function withTestScores(row: AnalysisRecord, summary: StripSummary, columns: SolutionLayout): AnalysisRecord {
  const test = (block: number) => {
    const { accuracy, loss } = summary.blocks[block] as StripSummary['blocks'][number];
    return { testAccuracy: accuracy, testLoss: loss };
  };
  return {
    ...row,
    meanPredictorNorm: summary.meanPredictorNorm,
    dynamics: row.dynamics.map((scores, i) => ({ ...scores, ...test(columns.time(i)) })),
    regression: row.regression.map((scores, i) => ({ ...scores, ...test(columns.ridge(i)) })),
  };
}
