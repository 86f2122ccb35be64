import { contractStrip, encodeStripRecords, stripRecords } from '@tessera/analysis';
import type { ClaimedTask, Database } from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import type { TileArrayName, TileResult } from '@tessera/engine';
import type { OpenedExperiment } from '@tessera/experiment';
import { stripAt } from '@tessera/plan';
import type { Computation, Computed } from './computation.js';
import { computeBlock } from './compute-block.js';
import type { Predictors } from './predictors.js';
import { type BlockRows, StripPieces } from './strip-pieces.js';
import { requireKind } from './train-tile.js';

/**
 * Computes one prediction strip: Theta(test rows, all training images) at all depths and of both kinds, block by block
 * in the plan's fixed order, each block contracted while it is in the cache with what the analyses left: Theta's
 * complement where the spectrum is graded, Theta itself elsewhere. Leaves sums; the rows of Theta and the predictions
 * themselves only where the spec keeps them.
 * @param lastOne called when the last block is begun
 */
export async function computeStrip(
  computation: Computation,
  db: Database,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
  lastOne: () => void = () => {},
): Promise<Computed> {
  const { store, cores, blocks } = computation;
  const { spec, plan, subset } = experiment;
  const strip = stripAt(plan, task.index);
  const predictors = await computation.predictors.get(store, db, experiment, task.kernelIndex);
  const needed = arraysNeeded(experiment, predictors);
  const train = await subset.block('train', 0, plan.trainCount);
  const depths = plan.axes.depth.length;
  const { layout } = predictors;
  const records = spec.kernels.map(() => stripRecords(depths, layout.blocks));
  const pieces = new StripPieces(experiment, task, strip.count);
  const mostRows = Math.max(...strip.blocks.map(({ count }) => count));
  for (const block of strip.blocks) {
    const place = { offset: block.start - strip.start, count: block.count };
    const rows = await subset.block('test', block.start, block.count);
    const rowLength = depths * plan.trainCount;
    const { kernels, precision } = spec;
    const sizes = { length: block.count * rowLength, mostLength: mostRows * rowLength };
    await cores.run(1, async () => {
      if (block === strip.blocks.at(-1)) lastOne();
      const into = blocks.take({ kernels, arrays: needed.arrays, precision, ...sizes });
      try {
        const images = { rows, cols: train, into };
        const computed = await computeBlock(
          computation,
          experiment,
          task.kernelIndex,
          needed,
          images,
          signal,
        );
        await contractBlock(experiment, predictors, computed, block, records, pieces, place);
        for (const kind of spec.kernels) {
          const { matrix } = requireKind(computed, kind);
          if (matrix !== null) pieces.addKernel(kind, matrix, place);
        }
      } finally {
        blocks.giveBack(into);
      }
    });
    signal.throwIfAborted();
  }
  const written = await pieces.write(store);
  const result = new Float64Array(records.reduce((length, ofKind) => length + ofKind.length, 0));
  records.forEach((ofKind, kind) => {
    result.set(ofKind, kind * ofKind.length);
  });
  return { ...written, result: encodeStripRecords(result) };
}

/** Adds what a block predicts to the records of each kind and, where the spec keeps it, to the pieces. */
async function contractBlock(
  { spec, plan, subset }: OpenedExperiment,
  { layout, kinds }: Predictors,
  computed: TileResult,
  block: { start: number; count: number },
  records: readonly Float64Array[],
  pieces: StripPieces,
  place: BlockRows,
): Promise<void> {
  const { classes, trainLabels } = subset;
  const testLabels = subset.testLabels.subarray(block.start, block.start + block.count);
  const depths = plan.axes.depth.length;
  const width = block.count * layout.columns;
  const predictions = spec.keep.predictions ? new Float64Array(depths * width) : null;
  const targets = labelMatrix(testLabels, classes, spec.dataset.labels, trainLabels);
  const meanTargets = labelMatrix(testLabels, classes, 'centered-over-images', trainLabels);
  for (const [kindIndex, kind] of spec.kernels.entries()) {
    const { matrix, complement, rowDeviations } = requireKind(computed, kind);
    await contractStrip({
      predictors: kinds[kindIndex] as (typeof kinds)[number],
      matrix,
      complement,
      rowDeviations,
      rows: block.count,
      classes,
      testLabels,
      targets,
      meanTargets,
      records: records[kindIndex] as Float64Array,
      predictions,
    });
    for (let depth = 0; predictions !== null && depth < depths; depth++) {
      const scored = predictions.subarray(depth * width, (depth + 1) * width);
      pieces.addPredictions(kindIndex, depth, scored, place);
    }
  }
}

/** What the predictors are contracted with at each depth, and what is kept. */
function arraysNeeded({ spec, plan }: OpenedExperiment, { kinds }: Predictors) {
  const arraysRead = plan.axes.depth.map((_, depth) => {
    const routes = kinds.map((kind) => kind.routes[depth]);
    const read: TileArrayName[] = routes.includes('graded') ? ['complement'] : [];
    return routes.includes('plain') || spec.keep.kernels === 'all' ? (['matrix', ...read] as const) : read;
  });
  const names = ['matrix', 'complement'] as const;
  return { arrays: names.filter((name) => arraysRead.some((read) => read.includes(name))), arraysRead };
}
