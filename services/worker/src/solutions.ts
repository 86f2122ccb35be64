import { type SolutionLayout, solutionColumns } from '@tessera/analysis';
import { type Database, doneTasks } from '@tessera/database';
import { NotYet, type OpenedExperiment, readAnalysisPiece, sendBackIfDamaged } from '@tessera/experiment';
import { analysesAt } from '@tessera/plan';
import type { TileStore } from '@tessera/store';

/** A kernel's solution vectors: what the analyses left for the strips. */
export interface Solutions {
  layout: SolutionLayout;
  /** m x columns, row-major, of one kind (position in the spec) and depth. */
  of(kindIndex: number, depthIndex: number): Float64Array;
}

/**
 * Reads the solution vectors of a kernel's analyses, verified.
 * @throws NotYet when one was damaged and its analysis was sent back
 */
export async function loadSolutions(
  store: TileStore,
  db: Database,
  { id, spec, plan, subset }: OpenedExperiment,
  kernelIndex: number,
): Promise<Solutions> {
  const { dynamics, regression } = spec.analysis;
  const layout = solutionColumns(dynamics?.times ?? [], regression?.diagReg ?? [], subset.classes);
  const depths = plan.axes.depth.length;
  const vectors = new Map<number, Float64Array>();
  for (const task of await doneTasks(db, id, kernelIndex, 'analysis')) {
    const batch = analysesAt(plan, spec, task.index);
    await sendBackIfDamaged(db, { experimentId: id, kernelIndex, wave: 'analysis' }, task, async () => {
      for (const [position, { kernel, depthIndex }] of batch.entries()) {
        const place = { position, count: batch.length, size: plan.trainCount, columns: layout.columns };
        const { solutions } = await readAnalysisPiece(store, task, place);
        vectors.set(spec.kernels.indexOf(kernel) * depths + depthIndex, solutions);
      }
    });
  }
  return {
    layout,
    of(kindIndex, depthIndex) {
      const found = vectors.get(kindIndex * depths + depthIndex);
      if (!found) throw new NotYet('an analysis of this kernel is not done');
      return found;
    },
  };
}
