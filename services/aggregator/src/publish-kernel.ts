import type { AnalysisRecord, ClaimedTask, DoneTask } from '@tessera/database';
import { type OpenedExperiment, pieceOf, sendBackIfDamaged } from '@tessera/experiment';
import { tileAt } from '@tessera/plan';
import {
  eigenvalueCount,
  kernelArrayName,
  publishPredictionStrip,
  publishTestTrainStrip,
  publishTrainTile,
  resultArrays,
  trainBlocks,
  writeEigenvalues,
  writeResultChunks,
  writeTrainVariances,
} from '@tessera/store';
import type { Aggregation } from './aggregation.js';
import { collectEigenvalues } from './kernel-eigenvalues.js';
import { severalAtOnce } from './several-at-once.js';
import { TrainTiles } from './train-tiles.js';
import { wholeWave } from './whole-wave.js';

/**
 * Makes a kernel's share of every array readable and durable: results, spectra, and the tiles and strips the spec
 * keeps. Verifies every piece; a damaged one sends its task back (NotYet).
 */
export async function publishKernel(
  aggregation: Aggregation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  rows: readonly AnalysisRecord[],
  strips: readonly DoneTask[],
  signal: AbortSignal,
): Promise<void> {
  const { store } = aggregation;
  const { spec, layout } = experiment;
  const { kernelIndex } = task;
  if (spec.keep.kernels !== 'none') await publishTiles(aggregation, experiment, kernelIndex, signal);
  for (const strip of strips) {
    signal.throwIfAborted();
    await publishStrip(aggregation, experiment, kernelIndex, strip);
  }
  if (eigenvalueCount(layout) > 0) {
    for (const [kind, eigenvalues] of await collectEigenvalues(aggregation, experiment, kernelIndex)) {
      await writeEigenvalues(store, layout, kernelIndex, kind, eigenvalues);
    }
  }
  await writeResultChunks(store, layout, kernelIndex, resultValues(experiment, rows));
}

/** Tiles that are published at a time: each waits for the disk four times a file. One depth of each is in memory. */
const publishedAtOnce = 4;

async function publishTiles(
  { db, store }: Aggregation,
  experiment: OpenedExperiment,
  kernelIndex: number,
  signal: AbortSignal,
): Promise<void> {
  const { id, spec, plan, layout } = experiment;
  const place = { experimentId: id, kernelIndex, wave: 'train' } as const;
  const done = await wholeWave(db, experiment, kernelIndex, 'train');
  await severalAtOnce(done, publishedAtOnce, async (tile) => {
    signal.throwIfAborted();
    await sendBackIfDamaged(db, place, tile, async () => {
      for (const kind of spec.kernels) {
        for (const block of trainBlocks) {
          const array = kernelArrayName(kind, block);
          const piece = pieceOf(tile, array);
          await publishTrainTile(store, layout, kernelIndex, array, tileAt(plan, tile.index), piece);
        }
      }
    });
  });
  const tiles = await TrainTiles.open(db, store, experiment, kernelIndex);
  for (const kind of spec.kernels) {
    const depths: Float64Array[] = [];
    for (const depthIndex of plan.axes.depth.keys()) {
      const { reference, deviations } = await tiles.variances(kind, depthIndex);
      depths.push(deviations.map((deviation) => reference + deviation));
    }
    await writeTrainVariances(
      store,
      layout,
      kernelIndex,
      kind,
      Float64Array.from(depths.flatMap((v) => [...v])),
    );
  }
}

async function publishStrip(
  { db, store }: Aggregation,
  { id, spec, layout }: OpenedExperiment,
  kernelIndex: number,
  strip: DoneTask,
): Promise<void> {
  await sendBackIfDamaged(db, { experimentId: id, kernelIndex, wave: 'strip' }, strip, async () => {
    for (const kind of spec.kernels) {
      const piece = strip.pieces[kernelArrayName(kind, 'test_train')];
      if (piece) await publishTestTrainStrip(store, layout, kernelIndex, kind, strip.index, piece);
    }
    for (const name of ['predictions', 'predictions_ridge'] as const) {
      const piece = strip.pieces[name];
      if (piece) await publishPredictionStrip(store, layout, kernelIndex, name, strip.index, piece);
    }
  });
}

/** Scalars of a row by the name of their array. */
const scalarOf: Record<string, (row: AnalysisRecord) => number | null> = {
  kappa: (row) => row.kappa,
  lambda_max: (row) => row.lambdaMax,
  lambda_min: (row) => row.lambdaMin,
  mean_predictor_norm: (row) => row.meanPredictorNorm,
};

/** Scores of a row by the stem of their array's name. */
const scoreOf = {
  train_accuracy: 'trainAccuracy',
  test_accuracy: 'testAccuracy',
  train_loss: 'trainLoss',
  test_loss: 'testLoss',
} as const;

/** The values of every result array for one kernel: (kinds, depths[, times or ridges]), rows in that order. */
function resultValues(
  { layout }: OpenedExperiment,
  rows: readonly AnalysisRecord[],
): Record<string, Float64Array> {
  const numbers = (row: AnalysisRecord, name: string): (number | null)[] => {
    const scalar = scalarOf[name];
    if (scalar) return [scalar(row)];
    const isRidge = name.endsWith('_ridge');
    const score = scoreOf[name.replace(/_ridge$/, '') as keyof typeof scoreOf];
    return (isRidge ? row.regression : row.dynamics).map((scores) => scores[score]);
  };
  return Object.fromEntries(
    resultArrays(layout).map(({ name }) => [
      name,
      Float64Array.from(
        rows.flatMap((row) => numbers(row, name)),
        (value) => value ?? Number.NaN,
      ),
    ]),
  );
}
