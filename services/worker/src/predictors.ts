import {
  type PackedPredictors,
  packPredictors,
  predictorLength,
  type SolutionLayout,
  solutionColumns,
} from '@tessera/analysis';
import { type Database, type DoneTask, doneTasks } from '@tessera/database';
import {
  NotYet,
  type OpenedExperiment,
  pieceOf,
  readAnalysisPiece,
  sendBackIfDamaged,
} from '@tessera/experiment';
import { analysesAt } from '@tessera/plan';
import { eigenvalueCount, type TileStore } from '@tessera/store';

/** A kernel's predictors: what the analyses left for the strips. */
export interface Predictors {
  layout: SolutionLayout;
  /** Of every depth, by the kind's position in the spec. */
  kinds: PackedPredictors[];
}

/** Kernels whose predictors are kept: the strips of one follow one another. */
const capacity = 2;

/** The predictors of the last kernels, read and verified once for all of a kernel's strips. */
export class KnownPredictors {
  readonly #known = new Map<string, Promise<Predictors>>();

  /** @throws NotYet when one is not done, or was damaged and its analysis was sent back */
  async get(
    store: TileStore,
    db: Database,
    experiment: OpenedExperiment,
    kernelIndex: number,
  ): Promise<Predictors> {
    const tasks = await doneTasks(db, experiment.id, kernelIndex, 'analysis');
    if (tasks.length !== experiment.plan.analysisTasksPerKernel) {
      throw new NotYet('an analysis of this kernel is not done');
    }
    // A piece that is computed again has another key.
    const name = tasks.map((task) => pieceOf(task, 'vectors').key).join();
    const reading = this.#known.get(name) ?? readPredictors(store, db, experiment, kernelIndex, tasks);
    this.#known.delete(name);
    this.#known.set(name, reading);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= capacity) break;
      this.#known.delete(oldest);
    }
    try {
      return await reading;
    } catch (error) {
      this.#known.delete(name);
      throw error;
    }
  }
}

async function readPredictors(
  store: TileStore,
  db: Database,
  { id, spec, plan, subset, layout: arrays }: OpenedExperiment,
  kernelIndex: number,
  tasks: readonly DoneTask[],
): Promise<Predictors> {
  const { dynamics, regression } = spec.analysis;
  const layout = solutionColumns(dynamics?.times ?? [], regression?.diagReg ?? [], subset.classes);
  const lengths = {
    eigenvalues: eigenvalueCount(arrays),
    predictor: predictorLength(plan.trainCount, layout.columns),
  };
  const encoded = spec.kernels.map((): Float64Array[] => []);
  for (const task of tasks) {
    const batch = analysesAt(plan, spec, task.index);
    await sendBackIfDamaged(db, { experimentId: id, kernelIndex, wave: 'analysis' }, task, async () => {
      for (const [position, { kernel, depthIndex }] of batch.entries()) {
        const place = { position, count: batch.length };
        const { predictor } = await readAnalysisPiece(store, task, place, lengths);
        const ofKind = encoded[spec.kernels.indexOf(kernel)] as Float64Array[];
        ofKind[depthIndex] = predictor;
      }
    });
  }
  return {
    layout,
    kinds: encoded.map((ofKind) => packPredictors(ofKind, plan.trainCount, layout.columns)),
  };
}
