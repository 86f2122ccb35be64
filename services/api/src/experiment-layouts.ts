import { openDataset, selectImages } from '@tessera/dataset';
import { layoutOf } from '@tessera/experiment';
import type { ExperimentLayout, TileStore } from '@tessera/store';
import type { PlannedExperiment } from './experiment-view.js';

/** Layouts of the experiments asked for last: one holds the indices of all chosen images. */
const capacity = 32;

/** How experiments' arrays lie in the store, the last few remembered: they never change. */
export class ExperimentLayouts {
  readonly #store: TileStore;
  readonly #known = new Map<string, ExperimentLayout>();

  constructor(store: TileStore) {
    this.#store = store;
  }

  async of(record: PlannedExperiment): Promise<ExperimentLayout> {
    const known = this.#known.get(record.id);
    const layout = known ?? (await this.#layOut(record));
    this.#known.delete(record.id);
    this.#known.set(record.id, layout);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= capacity) break;
      this.#known.delete(oldest);
    }
    return layout;
  }

  async #layOut(record: PlannedExperiment): Promise<ExperimentLayout> {
    const dataset = await openDataset(this.#store, record.datasetSha256);
    const { classes, classNames } = dataset.manifest;
    return layoutOf(record, { ...selectImages(dataset, record.spec.dataset), classes }, classNames);
  }
}
