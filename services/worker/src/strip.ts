import {
  addStripScores,
  emptyStripScores,
  encodeStripScores,
  type StripScores,
  scoreStrip,
  stripMemory,
} from '@tessera/analysis';
import type { ClaimedTask, Database } from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import type { TileArrayName, TileResult } from '@tessera/engine';
import type { OpenedExperiment } from '@tessera/experiment';
import { stripAt } from '@tessera/plan';
import type { Computation, Computed } from './computation.js';
import { computeBlock } from './compute-block.js';
import { loadPredictors, type Predictors } from './predictors.js';
import { StripPieces } from './strip-pieces.js';
import { requireArray, requireKind } from './train-tile.js';

/**
 * Computes one prediction strip: Theta(test rows, all training images) at all depths and of both kinds, block by block
 * in the plan's fixed order, each block contracted at once with what the analyses left: Theta's complement where the
 * spectrum is graded, Theta itself elsewhere. Leaves sums; the rows of Theta and the predictions themselves only where
 * the spec keeps them.
 */
export async function computeStrip(
  computation: Computation,
  db: Database,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<Computed> {
  const { linalg, store } = computation;
  const { spec, plan, subset } = experiment;
  const strip = stripAt(plan, task.index);
  const predictors = await loadPredictors(store, db, experiment, task.kernelIndex);
  const arrays = arraysNeeded(experiment, predictors);
  const train = await subset.block('train', 0, plan.trainCount);
  const depths = plan.axes.depth.length;
  const scores = spec.kernels.map(() =>
    plan.axes.depth.map(() => emptyStripScores(predictors.layout.blocks)),
  );
  const pieces = new StripPieces(experiment, task, strip.count);
  const blockRows = strip.blocks[0]?.count ?? 0;
  const memory = stripMemory(blockRows, plan.trainCount, predictors.layout.columns);

  let blocks: TileResult | undefined;
  for (const block of strip.blocks) {
    const place = { offset: block.start - strip.start, count: block.count };
    const rows = await subset.block('test', block.start, block.count);
    const testLabels = subset.testLabels.subarray(block.start, block.start + block.count);
    const targets = labelMatrix(testLabels, subset.classes, spec.dataset.labels, subset.trainLabels);
    const meanTargets = labelMatrix(testLabels, subset.classes, 'centered-over-images', subset.trainLabels);
    // The last block may be smaller; the others are written over one another.
    const into = block.count === blockRows ? blocks : undefined;
    const images = { rows, cols: train, into };
    const computed = await computeBlock(computation, experiment, task.kernelIndex, arrays, images, signal);
    blocks = computed;
    const size = block.count * plan.trainCount;
    for (const [kindIndex, kind] of spec.kernels.entries()) {
      const { matrix, complement, rowDeviations } = requireKind(computed, kind);
      if (matrix !== null) pieces.addKernel(kind, matrix, place);
      for (let depthIndex = 0; depthIndex < depths; depthIndex++) {
        signal.throwIfAborted();
        const predictor = predictors.of(kindIndex, depthIndex);
        const values = requireArray(predictor.route === 'graded' ? complement : matrix);
        const part = values.subarray(depthIndex * size, (depthIndex + 1) * size);
        const scored = await scoreStrip(linalg, {
          predictor,
          values: part instanceof Float64Array ? part : Float64Array.from(part),
          rowDeviations: rowDeviations.subarray(depthIndex * block.count, (depthIndex + 1) * block.count),
          rows: block.count,
          size: plan.trainCount,
          classes: subset.classes,
          testLabels,
          targets,
          meanTargets,
          memory,
        });
        const total: StripScores | undefined = scores[kindIndex]?.[depthIndex];
        if (total) addStripScores(total, scored);
        pieces.addPredictions(kindIndex, depthIndex, scored.predictions, place);
      }
    }
  }
  const written = await pieces.write(store);
  return { ...written, result: encodeStripScores(scores.flat()) };
}

/** What the predictors are contracted with, and what is kept. */
function arraysNeeded({ spec, plan }: OpenedExperiment, predictors: Predictors): TileArrayName[] {
  const routes = new Set(
    spec.kernels.flatMap((_, kind) => plan.axes.depth.map((_, depth) => predictors.of(kind, depth).route)),
  );
  const needed: TileArrayName[] = routes.has('graded') ? ['complement'] : [];
  return routes.has('plain') || spec.keep.kernels === 'all' ? ['matrix', ...needed] : needed;
}
