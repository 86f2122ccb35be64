/**
 * Keys of what a kernel's waves leave for the next one, under `experiments/{id}.tmp/{kernel index}/`. A key holds the
 * generation of the task that wrote it, so that a late write of a lost lease never replaces an accepted piece.
 */
import type { KernelName } from '@tessera/spec';
import { experimentKeys } from './experiment-layout.js';
import type { PutOptions } from './tile-store.js';

/** How a task writes its pieces: nobody else has their keys, readers verify them, and what is lost is computed again. */
export const pieceWrite: PutOptions = { durable: false, once: true };

/** Everything temporary of one kernel; deleted when the kernel is finished. */
export function temporaryKernelKey(id: string, kernelIndex: number): string {
  return `${experimentKeys(id).temporary}/${kernelIndex}`;
}

/**
 * A piece of a train tile: a shard of one chunk a depth. Pieces named after an array (`ntk_train_train`) are that array's
 * chunks; `variancesPiece` is of tiles on the diagonal alone.
 */
export function trainTileKey(
  id: string,
  kernelIndex: number,
  tile: { row: number; col: number; generation: number },
  piece: string,
): string {
  return `${temporaryKernelKey(id, kernelIndex)}/train/${tile.row}-${tile.col}.g${tile.generation}.${piece}`;
}

/** The piece of a diagonal tile that holds its images' variances of one kind. */
export function variancesPiece(kind: KernelName): string {
  return `${kind}_variances`;
}

/** A piece that an analysis task leaves, for example `eigenvalues` or `solutions`. */
export function analysisPieceKey(
  id: string,
  kernelIndex: number,
  task: { index: number; generation: number },
  piece: string,
): string {
  return `${temporaryKernelKey(id, kernelIndex)}/analysis/${task.index}.g${task.generation}.${piece}`;
}

/**
 * A piece that a prediction strip leaves. Pieces named after an array (`ntk_test_train`, `predictions`) are that
 * array's shard and are published as they are.
 */
export function stripPieceKey(
  id: string,
  kernelIndex: number,
  strip: { index: number; generation: number },
  piece: string,
): string {
  return `${temporaryKernelKey(id, kernelIndex)}/strip/${strip.index}.g${strip.generation}.${piece}`;
}

/** Where the checkpoints of a training lie, and which of the names there are its: one of each generation of its task. */
export function trainingCheckpoints(
  id: string,
  kernelIndex: number,
  index: number,
): { folder: string; isOne(name: string): boolean } {
  return {
    folder: `${temporaryKernelKey(id, kernelIndex)}/training`,
    isOne: (name) => name.startsWith(`${index}.g`),
  };
}

/** The checkpoint that one generation of a training task writes, again and again. */
export function trainingCheckpointKey(
  id: string,
  kernelIndex: number,
  task: { index: number; generation: number },
): string {
  const { folder } = trainingCheckpoints(id, kernelIndex, task.index);
  return `${folder}/${task.index}.g${task.generation}.checkpoint`;
}
