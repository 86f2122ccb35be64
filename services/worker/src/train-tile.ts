import type { ClaimedTask } from '@tessera/database';
import type { KernelTile, TileResult } from '@tessera/engine';
import type { OpenedExperiment } from '@tessera/experiment';
import { tileAt } from '@tessera/plan';
import type { KernelName } from '@tessera/spec';
import {
  type EncodedShard,
  encodeTrainTile,
  encodeVariances,
  type FloatArray,
  kernelArrayName,
  pieceWrite,
  trainTileKey,
  variancesPiece,
} from '@tessera/store';
import type { Computation, Computed } from './computation.js';
import { computeBlock } from './compute-block.js';

/**
 * Computes one tile of the train-train matrices: one block of image pairs, all depths and both kinds in one
 * pass, and writes a shard for each kernel and complement. Tiles on the diagonal are symmetric, and leave the variances
 * of their images too.
 * @param computed called when all that is left is to write
 */
export async function computeTrainTile(
  computation: Computation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
  computed: () => void = () => {},
): Promise<Computed> {
  const { spec, plan, subset } = experiment;
  const { row, col, rowStart, rowCount, colStart, colCount } = tileAt(plan, task.index);
  const rows = await subset.block('train', rowStart, rowCount);
  const cols = row === col ? null : await subset.block('train', colStart, colCount);
  const arrays = ['matrix', 'complement'] as const;
  const { kernels, precision } = spec;
  const depths = plan.axes.depth.length;
  const sizes = { length: depths * rowCount * colCount, mostLength: depths * plan.tileSize ** 2 };
  const into = computation.blocks.take({ kernels, arrays, precision, ...sizes });
  try {
    const images = { rows, cols, into };
    const tile = await computation.cores.run(1, () =>
      computeBlock(computation, experiment, task.kernelIndex, { arrays }, images, signal),
    );
    computed();
    return await writeTile(computation, experiment, task, tile);
  } finally {
    computation.blocks.giveBack(into);
  }
}

/** Writes a shard for each array of a tile, and of a diagonal one the variances. */
async function writeTile(
  { store }: Pick<Computation, 'store'>,
  { id, spec, plan, layout }: OpenedExperiment,
  task: ClaimedTask,
  tile: TileResult,
): Promise<Computed> {
  const { row, col, rowCount, colCount } = tileAt(plan, task.index);
  const pieces: Computed['pieces'] = {};
  let bytes = 0;
  const put = async (name: string, shard: EncodedShard) => {
    const key = trainTileKey(id, task.kernelIndex, { row, col, generation: task.generation }, name);
    await store.put(key, shard.parts, pieceWrite);
    pieces[name] = { key, checksum: shard.checksum };
    bytes += shard.bytes;
  };
  for (const kind of spec.kernels) {
    const { matrix, complement, reference, rowDeviations } = requireKind(tile, kind);
    const encode = (values: FloatArray | null) =>
      encodeTrainTile(layout, markOverflow(requireArray(values)), rowCount, colCount);
    await put(kernelArrayName(kind, 'train_train'), encode(matrix));
    await put(kernelArrayName(kind, 'train_train_complement'), encode(complement));
    if (row === col) {
      await put(variancesPiece(kind), encodeVariances(layout, reference, rowDeviations, rowCount));
    }
  }
  return { pieces, bytes, result: null };
}

/** Makes infinities NaN, in place: what overflowed is no number, and no array calls it one. */
export function markOverflow<T extends FloatArray>(values: T): T {
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i] as number) === Number.POSITIVE_INFINITY) values[i] = Number.NaN;
  }
  return values;
}

/** What a tile holds of a kind the task asked for. */
export function requireKind(tile: TileResult, kind: KernelName): KernelTile {
  const found = tile[kind];
  if (found === null) throw new Error(`The engine gave nothing of ${kind}.`);
  return found;
}

/** An array the task asked for. */
export function requireArray<T extends FloatArray>(values: T | null): T {
  if (values === null) throw new Error('The engine left out an array.');
  return values;
}
