import type { ClaimedTask, Piece } from '@tessera/database';
import type { OpenedExperiment } from '@tessera/experiment';
import type { KernelName } from '@tessera/spec';
import {
  type EncodedShard,
  encodePredictionStrip,
  encodeTestTrainStrip,
  type FloatArray,
  kernelArrayName,
  pieceWrite,
  stripPieceKey,
  type TileStore,
} from '@tessera/store';
import { markOverflow } from './train-tile.js';

/** Rows of a strip that were computed at once. */
export interface BlockRows {
  /** First row of the block within the strip. */
  offset: number;
  count: number;
}

/** Predictions of one array: which solution blocks they are, and (kinds, depths, count, rows, classes). */
interface KeptPredictions {
  name: 'predictions' | 'predictions_ridge';
  first: number;
  count: number;
  values: Float64Array;
}

/** What of a strip the spec keeps: rows of Theta(test, train), predictions. Collects blocks, writes shards. */
export class StripPieces {
  readonly #experiment: OpenedExperiment;
  readonly #task: ClaimedTask;
  readonly #rows: number;
  /** (depths, rows, m) of each kind. */
  readonly #kernels = new Map<KernelName, FloatArray>();
  readonly #predictions: KeptPredictions[] = [];

  constructor(experiment: OpenedExperiment, task: ClaimedTask, rows: number) {
    this.#experiment = experiment;
    this.#task = task;
    this.#rows = rows;
    const { spec, plan, subset } = experiment;
    const depths = plan.axes.depth.length;
    if (spec.keep.kernels === 'all') {
      const size = depths * rows * plan.trainCount;
      for (const kernel of spec.kernels) {
        this.#kernels.set(kernel, spec.precision === 'f64' ? new Float64Array(size) : new Float32Array(size));
      }
    }
    if (!spec.keep.predictions) return;
    const times = spec.analysis.dynamics?.times.length ?? 0;
    const ridges = spec.analysis.regression?.diagReg.length ?? 0;
    const keep = (name: KeptPredictions['name'], first: number, count: number) => {
      const size = spec.kernels.length * depths * count * rows * subset.classes;
      if (count > 0) this.#predictions.push({ name, first, count, values: new Float64Array(size) });
    };
    // Solution blocks: the mean predictor first, then the times, then the ridges.
    keep('predictions', 1, times);
    keep('predictions_ridge', 1 + times, ridges);
  }

  /** @param values (depths, block rows, m): what the engine gave for one kind of a block */
  addKernel(kind: KernelName, values: FloatArray, block: BlockRows): void {
    const kept = this.#kernels.get(kind);
    if (!kept) return;
    const width = this.#experiment.plan.trainCount;
    for (let depth = 0; depth < this.#experiment.plan.axes.depth.length; depth++) {
      const source = values.subarray(depth * block.count * width, (depth + 1) * block.count * width);
      const target = (depth * this.#rows + block.offset) * width;
      kept.set(source, target);
      markOverflow(kept.subarray(target, target + source.length));
    }
  }

  /** @param scored (block rows, columns): every solution block's predictions side by side */
  addPredictions(kindIndex: number, depthIndex: number, scored: Float64Array, block: BlockRows): void {
    const { plan, subset } = this.#experiment;
    const { classes } = subset;
    const columns = scored.length / block.count;
    const matrix = kindIndex * plan.axes.depth.length + depthIndex;
    for (const { first, count, values } of this.#predictions) {
      for (let position = 0; position < count; position++) {
        for (let row = 0; row < block.count; row++) {
          const from = row * columns + (first + position) * classes;
          const to = ((matrix * count + position) * this.#rows + block.offset + row) * classes;
          values.set(scored.subarray(from, from + classes), to);
        }
      }
    }
  }

  /** Writes one shard for each array kept; the finish publishes them as they are. */
  async write(store: TileStore): Promise<{ pieces: Record<string, Piece>; bytes: number }> {
    const { id, layout } = this.#experiment;
    const pieces: Record<string, Piece> = {};
    let bytes = 0;
    const put = async (name: string, shard: EncodedShard) => {
      const key = stripPieceKey(id, this.#task.kernelIndex, this.#task, name);
      await store.put(key, shard.parts, pieceWrite);
      pieces[name] = { key, checksum: shard.checksum };
      bytes += shard.bytes;
    };
    for (const [kind, values] of this.#kernels) {
      await put(kernelArrayName(kind, 'test_train'), encodeTestTrainStrip(layout, values, this.#rows));
    }
    for (const { name, values } of this.#predictions) {
      await put(name, encodePredictionStrip(layout, name, values, this.#rows));
    }
    return { pieces, bytes };
  }
}
