/** What the C calls of both kinds of tile have in common (native/library.cpp, fillTile). */
import type { KernelTile, TileResult, TileTask } from '@tessera/engine';
import type { Machine } from './machine.js';
import { networkNumbers } from './network-numbers.js';

/** Bits of what is read at a depth (native/task.h, Depths). */
const arrayBits = { matrix: 1, complement: 2 } as const;

/** The arrays every call begins with: integers (families append theirs), numbers, and the depths. */
export function tileNumbers({ isa, threads }: Machine, task: TileTask) {
  const { kind, parameters } = networkNumbers(task.architecture.activation);
  const cols = task.cols ?? task.rows;
  const counts = [isa.index, threads, task.rows.count, cols.count];
  const kinds = [Number(task.cols === null), Number(task.precision === 'f32'), kind, task.depths.length];
  const order = task.depths.map((_, position) => position);
  order.sort((a, b) => (task.depths[a] as number) - (task.depths[b] as number));
  const sorted = order.map((position) => task.depths[position] as number);
  const read = order.map((position) =>
    (task.arraysRead?.[position] ?? task.arrays).reduce((bits, name) => bits | arrayBits[name], 0),
  );
  const variances = [task.weightVariance, task.biasVariance];
  return {
    integers: [...counts, ...kinds],
    numbers: Float64Array.of(...variances, ...parameters, task.referenceVariance),
    depths: Int32Array.from([...sorted, ...order, ...read]),
  };
}

/** The arrays of a result in the order of the C calls, null for those not asked for. */
export function outputsOf({ nngp, ntk }: TileResult): unknown[] {
  const ofKind = (kind: KernelTile | null) =>
    kind === null
      ? [null, null, null, null, null]
      : [kind.matrix, kind.complement, kind.reference, kind.rowDeviations, kind.colDeviations];
  return [...ofKind(nngp), ...ofKind(ntk)];
}
