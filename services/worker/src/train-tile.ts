import type { ClaimedTask } from '@tessera/database';
import type { OpenedExperiment } from '@tessera/experiment';
import { tileAt } from '@tessera/plan';
import type { KernelName } from '@tessera/spec';
import { encodeTrainTile, type FloatArray, trainTileKey } from '@tessera/store';
import type { Computation, Computed } from './computation.js';
import { computeBlock } from './compute-block.js';

/**
 * Computes one tile of the train-train matrices: one block of image pairs, all depths and both kinds in one
 * pass, and writes one shard a kind. Tiles on the diagonal are symmetric.
 */
export async function computeTrainTile(
  computation: Computation,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
): Promise<Computed> {
  const { id, spec, plan, subset, layout } = experiment;
  const { row, col, rowStart, rowCount, colStart, colCount } = tileAt(plan, task.index);
  const rows = await subset.block('train', rowStart, rowCount);
  const cols = row === col ? null : await subset.block('train', colStart, colCount);
  const blocks = await computeBlock(computation, experiment, task.kernelIndex, { rows, cols }, signal);
  const pieces: Computed['pieces'] = {};
  let bytes = 0;
  for (const kernel of spec.kernels) {
    const values = markOverflow(requireBlock(blocks, kernel));
    const shard = encodeTrainTile(layout, values, rowCount, colCount);
    const key = trainTileKey(id, task.kernelIndex, { row, col, generation: task.generation }, kernel);
    await computation.store.put(key, shard.parts, { durable: false });
    pieces[kernel] = { key, checksum: shard.checksum };
    bytes += shard.bytes;
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

/** The block of a kind the task asked for. */
export function requireBlock<T>(blocks: Record<KernelName, T | null>, kernel: KernelName): T {
  const block = blocks[kernel];
  if (block === null) throw new Error(`The engine gave no ${kernel} block.`);
  return block;
}
