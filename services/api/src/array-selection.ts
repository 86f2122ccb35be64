/** From query parameters to a part of an array. */
import type { Problem } from '@tessera/spec';
import {
  type ArrayDescription,
  dimensionParameter,
  type ExperimentLayout,
  type PositionRange,
  type Selection,
  selectByCoordinate,
} from '@tessera/store';
import { invalidQuery, type Parameters, quoted, readQuery, UnreadableParameter } from './query.js';

/**
 * Reads what a query selects: `depth=10` by coordinate, `depthIndex=3` by index, `train=0:256` a range of positions
 * (either end may be left out). What is not named is whole.
 * @throws TesseraError invalid-request with every problem; for a coordinate that does not exist it lists those that do
 */
export function readSelection(query: unknown, layout: ExperimentLayout, array: ArrayDescription): Selection {
  const parameters: Parameters = {};
  array.dimensions.forEach((dimension, axis) => {
    const length = array.shape[axis] as number;
    const name = dimensionParameter(dimension);
    parameters[name] = { schema: {}, read: (text) => readChoice(text, length, layout, dimension) };
    parameters[`${name}Index`] = { schema: {}, read: (text) => readIndex(text, length) };
  });
  const values = readQuery(query, parameters);
  const selection: Record<string, number | PositionRange> = {};
  const problems: Problem[] = [];
  for (const dimension of array.dimensions) {
    const name = dimensionParameter(dimension);
    const byIndex = values[`${name}Index`] as number | null;
    const choice = values[name] as number | PositionRange | null;
    if (byIndex !== null && choice !== null) {
      const message = `${name}Index is given beside ${name}; write one of them.`;
      problems.push({ pointer: `/${name}Index`, message });
    }
    const chosen = choice ?? byIndex;
    if (chosen !== null) selection[dimension] = chosen;
  }
  if (problems.length > 0) throw invalidQuery(problems);
  return selection;
}

/** A range of positions, or the position of a coordinate. */
function readChoice(
  text: string,
  length: number,
  layout: ExperimentLayout,
  dimension: string,
): number | PositionRange {
  const range = /^(\d*):(\d*)$/.exec(text);
  if (!range) {
    const found = selectByCoordinate(layout, dimension, text);
    if ('index' in found) return found.index;
    throw new UnreadableParameter(`is ${quoted(text)}, and ${found.problem.message}.`);
  }
  const start = range[1] === '' ? 0 : Number(range[1]);
  const stop = range[2] === '' ? length : Number(range[2]);
  if (start <= stop && stop <= length) return { start, stop };
  throw new UnreadableParameter(`is ${text}; write a range start:stop with 0 <= start <= stop <= ${length}.`);
}

function readIndex(text: string, length: number): number {
  const index = Number(text);
  if (/^\d+$/.test(text) && index < length) return index;
  throw new UnreadableParameter(`is ${quoted(text)}; write an index from 0 to ${length - 1}.`);
}
