import { type Database, loadOpenExperiment, type OpenExperiment } from '@tessera/database';
import { openDataset, openSubset, type Subset } from '@tessera/dataset';
import type { Plan } from '@tessera/plan';
import { type ExperimentSpec, TesseraError } from '@tessera/spec';
import type { ExperimentLayout, Json, TileStore } from '@tessera/store';

/** An experiment opened for work. Everything in it is constant while the experiment lives. */
export interface OpenedExperiment {
  id: string;
  spec: ExperimentSpec;
  plan: Plan;
  subset: Subset;
  /** |x|^2 / n of the first training image (1 where it is zero): what engines count deviations of variances from. */
  referenceVariance: number;
  layout: ExperimentLayout;
}

/** Opens the data set an experiment was planned on and lays its arrays out. */
export async function openExperiment(
  store: TileStore,
  experiment: OpenExperiment<Plan>,
): Promise<OpenedExperiment> {
  const dataset = await openDataset(store, experiment.datasetSha256);
  const subset = await openSubset(dataset, experiment.spec.dataset);
  const { data } = await subset.block('train', 0, 1);
  return {
    id: experiment.id,
    spec: experiment.spec,
    plan: experiment.plan,
    subset,
    referenceVariance: data.reduce((sum, x) => sum + x * x, 0) / data.length || 1,
    layout: layoutOf(experiment, subset, dataset.manifest.classNames),
  };
}

/** How an experiment's arrays lie in the store: a pure function of its spec, plan and chosen images. */
export function layoutOf(
  experiment: Pick<OpenExperiment<Plan>, 'id' | 'spec' | 'plan' | 'provenance'>,
  images: Pick<Subset, 'train' | 'test' | 'classes'>,
  classNames: readonly string[] | null,
): ExperimentLayout {
  const { id, spec, plan, provenance } = experiment;
  return {
    id,
    spec,
    axes: {
      weightVariance: plan.axes.weightVariance,
      biasVariance: plan.axes.biasVariance,
      depth: plan.axes.depth,
      kernels: spec.kernels,
      times: spec.analysis.dynamics?.times ?? [],
      diagReg: spec.analysis.regression?.diagReg ?? [],
    },
    train: images.train,
    test: images.test,
    classes: images.classes,
    classNames,
    tileSize: plan.tileSize,
    stripRows: plan.stripRows,
    precision: spec.precision,
    // What the API stored as JSON.
    provenance: provenance as Json,
  };
}

/** The experiments a process works on, the last few kept open. */
export class OpenedExperiments {
  readonly #db: Database;
  readonly #store: TileStore;
  readonly #opened = new Map<string, Promise<OpenedExperiment>>();
  readonly #capacity: number;

  constructor(db: Database, store: TileStore, capacity = 4) {
    this.#db = db;
    this.#store = store;
    this.#capacity = capacity;
  }

  /** @throws TesseraError not-found when the experiment was deleted */
  async get(id: string): Promise<OpenedExperiment> {
    const known = this.#opened.get(id);
    const opening = known ?? this.#open(id);
    this.#opened.delete(id);
    this.#opened.set(id, opening);
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size <= this.#capacity) break;
      this.#opened.delete(oldest);
    }
    try {
      return await opening;
    } catch (error) {
      this.#opened.delete(id);
      throw error;
    }
  }

  async #open(id: string): Promise<OpenedExperiment> {
    const experiment = await loadOpenExperiment<Plan>(this.#db, id);
    if (!experiment) throw new TesseraError('not-found', `There is no experiment ${id}.`);
    return openExperiment(this.#store, experiment);
  }
}
