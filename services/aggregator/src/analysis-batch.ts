import { analyzeMatrix, analyzeOperator, encodePredictor, type SpectrumResult } from '@tessera/analysis';
import type { AnalysisRecord, ClaimedTask } from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import { type AnalysisVectors, type OpenedExperiment, writeAnalysisPiece } from '@tessera/experiment';
import { type AnalysisPlace, analysesAt, kernelAt } from '@tessera/plan';
import type { TaskOutcome } from '@tessera/runner';
import { analysisPieceKey, eigenvalueCount, storedChunkBytes, tileChunkBytes } from '@tessera/store';
import { type MeanField, meanField } from '@tessera/theory';
import type { Aggregation } from './aggregation.js';
import { complementDiagonal, tileOperator } from './tile-operator.js';
import { TrainTiles } from './train-tiles.js';
import { inTurns } from './turns.js';

/** What a task of this service leaves. */
export type Aggregated = Required<Pick<TaskOutcome, 'analyses' | 'afterwards'>> &
  Pick<TaskOutcome['result'], 'pieces' | 'bytes' | 'result'>;

/**
 * Assembles and decomposes the matrices of one batch: each gives a row (its spectrum, what it predicts on the
 * training images) and the predictors that the strips contract with.
 */
export async function analyzeBatch(
  aggregation: Aggregation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<Aggregated> {
  const { db, store, memory, turns } = aggregation;
  const { id, spec, plan, layout } = experiment;
  const kernel = kernelAt(plan, task.kernelIndex);
  const field = meanField(spec.architecture.activation, kernel.weightVariance, kernel.biasVariance);
  const tiles = await TrainTiles.open(db, store, experiment, task.kernelIndex);
  const missing = () => new Float64Array(eigenvalueCount(layout)).fill(Number.NaN);
  const places = analysesAt(plan, spec, task.index);
  // All of a batch before the next one's: its kernel's strips can be computed the sooner.
  const found = await inTurns(turns, signal, places, async (place) => {
    const work = () => analyze(aggregation, experiment, tiles, place);
    const spectrum = await memory.run(plan.bytes.analysis, work);
    const analysis = toRecord(experiment, task.kernelIndex, place, field, spectrum);
    const eigenvalues = spectrum.eigenvalues ?? missing();
    return { analysis, vectors: { eigenvalues, predictor: encodePredictor(spectrum.predictor) } };
  });
  const analyses: AnalysisRecord[] = found.map(({ analysis }) => analysis);
  const vectors: AnalysisVectors[] = found.map((one) => one.vectors);
  const key = analysisPieceKey(id, task.kernelIndex, task, 'vectors');
  const { piece, bytes } = await writeAnalysisPiece(store, key, vectors);
  return { pieces: { vectors: piece }, bytes, result: null, analyses, afterwards: null };
}

async function analyze(
  { linalg, matrices }: Aggregation,
  { spec, plan, subset, layout }: OpenedExperiment,
  tiles: TrainTiles,
  { kernel, depthIndex }: AnalysisPlace,
): Promise<SpectrumResult> {
  const { trainLabels, classes } = subset;
  const { dynamics, regression, spectrum } = spec.analysis;
  const size = plan.trainCount;
  const question = {
    ...(await tiles.variances(kernel, depthIndex)),
    precision: spec.precision,
    size,
    labels: labelMatrix(trainLabels, classes, spec.dataset.labels, trainLabels),
    meanLabels: labelMatrix(trainLabels, classes, 'centered-over-images', trainLabels),
    classes,
    trainLabels,
    spectrum,
    diagReg: regression?.diagReg ?? [],
    times: dynamics?.times ?? [],
    wantSolutions: plan.testCount > 0,
  };
  if (plan.analysisMode === 'streamed') {
    const diagonal = await complementDiagonal(tiles, kernel, depthIndex, size);
    const operator = tileOperator(linalg, tiles, kernel, depthIndex);
    return analyzeOperator(linalg, { ...question, operator, diagonal });
  }
  const tileBytes = storedChunkBytes(tileChunkBytes(layout));
  return matrices.run(size, tileBytes, dynamics !== null, async ({ matrix, room, basis }) =>
    analyzeMatrix(linalg, {
      ...question,
      complement: await tiles.matrix(kernel, 'train_train_complement', depthIndex, matrix, room),
      async readMatrix(into) {
        await tiles.matrix(kernel, 'train_train', depthIndex, into, room);
      },
      learningRate: dynamics?.learningRate ?? 'max',
      ...(basis && { memory: basis }),
    }),
  );
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
