import { analyzeMatrix, type SpectrumResult } from '@tessera/analysis';
import { type AnalysisRecord, type ClaimedTask, type DoneTask, doneTasks } from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import {
  type AnalysisVectors,
  NotYet,
  type OpenedExperiment,
  pieceOf,
  sendBack,
  writeAnalysisPiece,
} from '@tessera/experiment';
import { type AnalysisPlace, analysesAt, kernelAt, tileIndex } from '@tessera/plan';
import type { TaskOutcome } from '@tessera/runner';
import { analysisPieceKey, assembleMatrix, CorruptTileError } from '@tessera/store';
import { type MeanField, meanField } from '@tessera/theory';
import type { Aggregation } from './aggregation.js';

/** What a task of this service leaves. */
export type Aggregated = Pick<TaskOutcome, 'analyses' | 'afterwards'> &
  Pick<TaskOutcome['result'], 'pieces' | 'bytes' | 'result'>;

/**
 * Assembles and decomposes the matrices of one batch: each gives a row (its spectrum, what it predicts on the
 * training images) and the vectors that the strips contract with.
 */
export async function analyzeBatch(
  aggregation: Aggregation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<Aggregated> {
  const { db, store } = aggregation;
  const { id, spec, plan } = experiment;
  const kernel = kernelAt(plan, task.kernelIndex);
  const field = meanField(spec.architecture.activation, kernel.weightVariance, kernel.biasVariance);
  const tiles = new Map(
    (await doneTasks(db, id, task.kernelIndex, 'train')).map((tile) => [tile.index, tile]),
  );
  const analyses: AnalysisRecord[] = [];
  const vectors: AnalysisVectors[] = [];
  for (const place of analysesAt(plan, spec, task.index)) {
    signal.throwIfAborted();
    const spectrum = await analyze(aggregation, experiment, task, tiles, place);
    analyses.push(toRecord(experiment, task.kernelIndex, place, field, spectrum));
    const eigenvalues = spectrum.eigenvalues ?? new Float64Array(plan.trainCount).fill(Number.NaN);
    vectors.push({ eigenvalues, solutions: spectrum.solutions });
  }
  const key = analysisPieceKey(id, task.kernelIndex, task, 'vectors');
  const { piece, bytes } = await writeAnalysisPiece(store, key, vectors);
  return { pieces: { vectors: piece }, bytes, result: null, analyses, afterwards: null };
}

async function analyze(
  { db, store, linalg }: Aggregation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  /** By their number; one that was sent back a moment ago is not there. */
  tiles: ReadonlyMap<number, DoneTask>,
  { kernel, depthIndex }: AnalysisPlace,
): Promise<SpectrumResult> {
  const { id, spec, plan, subset, layout } = experiment;
  const { trainLabels, classes } = subset;
  const { dynamics, regression } = spec.analysis;
  const tileOf = (row: number, col: number): DoneTask => {
    const tile = tiles.get(tileIndex(plan, row, col));
    if (!tile) throw new NotYet(`tile (${row}, ${col}) is not done`);
    return tile;
  };
  const tileKey = (row: number, col: number) => pieceOf(tileOf(row, col), kernel).key;
  let matrix: Float64Array;
  try {
    matrix = await assembleMatrix(store, layout, tileKey, depthIndex, kernel);
  } catch (error) {
    if (!(error instanceof CorruptTileError)) throw error;
    const place = { experimentId: id, kernelIndex: task.kernelIndex, wave: 'train' } as const;
    throw await sendBack(db, place, tileOf(error.row, error.col), error);
  }
  return analyzeMatrix(linalg, {
    matrix,
    size: plan.trainCount,
    labels: labelMatrix(trainLabels, classes, spec.dataset.labels, trainLabels),
    meanLabels: labelMatrix(trainLabels, classes, 'centered-over-images', trainLabels),
    classes,
    trainLabels,
    spectrum: spec.analysis.spectrum,
    diagReg: regression?.diagReg ?? [],
    times: dynamics?.times ?? [],
    learningRate: dynamics?.learningRate ?? 'max',
    wantSolutions: plan.testCount > 0,
  });
}

function toRecord(
  { spec, plan }: OpenedExperiment,
  kernelIndex: number,
  { kernel, depthIndex }: AnalysisPlace,
  field: MeanField,
  spectrum: SpectrumResult,
): AnalysisRecord {
  const depths = plan.axes.depth.length;
  const { weightVariance, biasVariance } = kernelAt(plan, kernelIndex);
  const onTrain = (scores: { accuracy: number | null; loss: number | null } | undefined) => ({
    trainAccuracy: scores?.accuracy ?? null,
    testAccuracy: null,
    trainLoss: scores?.loss ?? null,
    testLoss: null,
  });
  const { regression, dynamics } = spec.analysis;
  return {
    ordinal: (spec.kernels.indexOf(kernel) * plan.kernels + kernelIndex) * depths + depthIndex,
    kernelIndex,
    kernel,
    weightVariance,
    biasVariance,
    depth: plan.axes.depth[depthIndex] as number,
    phase: field.phase,
    qStar: field.qStar,
    cStar: field.cStar,
    chi1: field.chi1,
    xi1: field.xi1,
    xiStar: field.xiStar,
    lambdaMax: spectrum.lambdaMax,
    lambdaMin: spectrum.lambdaMin,
    lambdaBulk: spectrum.lambdaBulk,
    kappa: spectrum.kappa,
    conditionNumber: spectrum.conditionNumber,
    maxLearningRate: spectrum.maxLearningRate,
    trace: spectrum.trace,
    meanPredictorNorm: null,
    regression: (regression?.diagReg ?? []).map((diagReg, i) => ({
      diagReg,
      ...onTrain(spectrum.train.regression[i]),
    })),
    dynamics: (dynamics?.times ?? []).map((time, i) => ({ time, ...onTrain(spectrum.train.dynamics[i]) })),
    status: spectrum.status,
    warnings: spectrum.warnings,
  };
}
