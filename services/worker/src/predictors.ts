import {
  decodePredictor,
  predictorLength,
  type SolutionLayout,
  type StripPredictor,
  solutionColumns,
} from '@tessera/analysis';
import { type Database, doneTasks } from '@tessera/database';
import { NotYet, type OpenedExperiment, readAnalysisPiece, sendBackIfDamaged } from '@tessera/experiment';
import { analysesAt } from '@tessera/plan';
import { eigenvalueCount, type TileStore } from '@tessera/store';

/** A kernel's predictors: what the analyses left for the strips. */
export interface Predictors {
  layout: SolutionLayout;
  /** Of one kind (position in the spec) and depth. */
  of(kindIndex: number, depthIndex: number): StripPredictor;
}

/**
 * Reads the predictors of a kernel's analyses, verified.
 * @throws NotYet when one was damaged and its analysis was sent back
 */
export async function loadPredictors(
  store: TileStore,
  db: Database,
  { id, spec, plan, subset, layout: arrays }: OpenedExperiment,
  kernelIndex: number,
): Promise<Predictors> {
  const { dynamics, regression } = spec.analysis;
  const layout = solutionColumns(dynamics?.times ?? [], regression?.diagReg ?? [], subset.classes);
  const lengths = {
    eigenvalues: eigenvalueCount(arrays),
    predictor: predictorLength(plan.trainCount, layout.columns),
  };
  const depths = plan.axes.depth.length;
  const predictors = new Map<number, StripPredictor>();
  for (const task of await doneTasks(db, id, kernelIndex, 'analysis')) {
    const batch = analysesAt(plan, spec, task.index);
    await sendBackIfDamaged(db, { experimentId: id, kernelIndex, wave: 'analysis' }, task, async () => {
      for (const [position, { kernel, depthIndex }] of batch.entries()) {
        const place = { position, count: batch.length };
        const { predictor } = await readAnalysisPiece(store, task, place, lengths);
        const decoded = decodePredictor(predictor, plan.trainCount, layout.columns);
        predictors.set(spec.kernels.indexOf(kernel) * depths + depthIndex, decoded);
      }
    });
  }
  return {
    layout,
    of(kindIndex, depthIndex) {
      const found = predictors.get(kindIndex * depths + depthIndex);
      if (!found) throw new NotYet('an analysis of this kernel is not done');
      return found;
    },
  };
}
