/** From query parameters to a part of an array. */
import { type Problem, TesseraError } from '@tessera/spec';
import {
  type ArrayDescription,
  dimensionParameter,
  type ExperimentLayout,
  type PositionRange,
  type Selection,
  selectByCoordinate,
} from '@tessera/store';
import { type Parameters, readQuery, UnreadableParameter } from './query.js';

type Choice = number | PositionRange | { coordinate: string };

/**
 * Reads what a query selects: `depth=10` by coordinate, `depthIndex=3` by index, `train=0:256` a range of positions
 * (either end may be left out). What is not named is whole.
 * @throws TesseraError invalid-request with every problem; for a coordinate that does not exist it lists those that do
 */
export function readSelection(query: unknown, layout: ExperimentLayout, array: ArrayDescription): Selection {
  const lengths = new Map(
    array.dimensions.map((dimension, axis) => [dimension, array.shape[axis] as number]),
  );
  const parameters: Parameters = {};
  for (const [dimension, length] of lengths) {
    const name = dimensionParameter(dimension);
    parameters[name] = { schema: {}, read: (text) => readChoice(text, length) };
    parameters[`${name}Index`] = { schema: {}, read: (text) => readIndex(text, length) };
  }
  const values = readQuery(query, parameters);
  const selection: Record<string, number | PositionRange> = {};
  const problems: Problem[] = [];
  for (const dimension of lengths.keys()) {
    const name = dimensionParameter(dimension);
    const byIndex = values[`${name}Index`] as number | null;
    const choice = values[name] as Choice | null;
    if (byIndex !== null && choice !== null) {
      problems.push({
        pointer: `/${name}Index`,
        message: `${name}Index is given beside ${name}; write one of them.`,
      });
    } else if (byIndex !== null) {
      selection[dimension] = byIndex;
    } else if (typeof choice === 'object' && choice !== null && 'coordinate' in choice) {
      const found = selectByCoordinate(layout, dimension, choice.coordinate);
      if ('index' in found) selection[dimension] = found.index;
      else problems.push({ ...found.problem, message: `${name} ${found.problem.message}.` });
    } else if (choice !== null) {
      selection[dimension] = choice;
    }
  }
  if (problems.length > 0)
    throw new TesseraError('invalid-request', `This part of ${array.name} cannot be read.`, { problems });
  return selection;
}

function readChoice(text: string, length: number): Choice {
  const range = /^(\d*):(\d*)$/.exec(text);
  if (!range) return { coordinate: text };
  const start = range[1] === '' ? 0 : Number(range[1]);
  const stop = range[2] === '' ? length : Number(range[2]);
  if (start <= stop && stop <= length) return { start, stop };
  throw new UnreadableParameter(`is ${text}; write a range start:stop with 0 <= start <= stop <= ${length}.`);
}

function readIndex(text: string, length: number): number {
  const index = Number(text);
  if (/^\d+$/.test(text) && index < length) return index;
  throw new UnreadableParameter(
    `is ${JSON.stringify(text.slice(0, 80))}; write an index from 0 to ${length - 1}.`,
  );
}
