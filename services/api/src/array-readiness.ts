/** Which parts of an experiment's arrays can be read already. */
import { countOpenKernels, type Database } from '@tessera/database';
import { TesseraError } from '@tessera/spec';
import {
  type ArrayDescription,
  type ExperimentLayout,
  experimentKeys,
  type PositionRange,
  type Selection,
  type TileStore,
} from '@tessera/store';
import type { PlannedExperiment } from './experiment-view.js';
import { isTerminal } from './seconds-left.js';

/**
 * A part of an array is ready when every kernel (pair of variances) it touches is done; a coordinate, when the
 * experiment's group is made.
 * @throws TesseraError not-ready, with the reason
 */
export async function requireReady(
  { db, store }: { db: Database; store: TileStore },
  record: PlannedExperiment,
  layout: ExperimentLayout,
  array: ArrayDescription,
  selection: Selection,
): Promise<void> {
  if (array.role === 'coordinate') {
    const group = await store.size(`${experimentKeys(record.id).root}/zarr.json`);
    if (group === null) throw notReady(record, array, 'The experiment has not started.');
    return;
  }
  const biases = layout.axes.biasVariance.length;
  const weight = rangeOf(selection.weight_variance, layout.axes.weightVariance.length);
  const bias = rangeOf(selection.bias_variance, biases);
  const open = await countOpenKernels(db, record.id, biases, weight, bias);
  if (open === 0) return;
  const what = open === 1 ? 'A kernel' : `${open} kernels`;
  throw notReady(record, array, `${what} of this part ${open === 1 ? 'is' : 'are'} not done.`);
}

function notReady(record: PlannedExperiment, array: ArrayDescription, reason: string): TesseraError {
  const outlook = isTerminal(record.state)
    ? `The experiment is ${record.state}${record.error === null ? '' : ` (${record.error})`}: retry it, or select a part that is done.`
    : `The experiment is ${record.state}: ask again later, or select a part that is done.`;
  return new TesseraError('not-ready', `${array.name} is not complete yet. ${reason} ${outlook}`);
}

function rangeOf(choice: number | PositionRange | undefined, length: number): PositionRange {
  if (choice === undefined) return { start: 0, stop: length };
  return typeof choice === 'number' ? { start: choice, stop: choice + 1 } : choice;
}
