/** Which part of an array to read: per dimension one index, which drops the dimension, or a range. */
import { type Problem, TesseraError } from '@tessera/spec';
import type { ArrayDescription } from './arrays.js';
import { dimensionParameter } from './coordinates.js';

/** Positions start .. stop - 1. */
export interface PositionRange {
  start: number;
  stop: number;
}

/** By dimension name (`weight_variance`); a dimension that is not named is read whole. */
export type Selection = Readonly<Record<string, number | PositionRange>>;

/** A box of an array, and the shape it is given in. */
export interface SliceBox {
  start: number[];
  extent: number[];
  /** `extent` without the dimensions that an index selects. */
  shape: number[];
}

/**
 * Resolves a selection. Throws `invalid-request` with every problem at once: unknown dimensions, indices and ranges
 * outside the array.
 */
export function resolveSelection(array: ArrayDescription, selection: Selection): SliceBox {
  const problems: Problem[] = Object.keys(selection)
    .filter((dimension) => !array.dimensions.includes(dimension))
    .map((dimension) => ({
      pointer: `/${dimensionParameter(dimension)}`,
      message: `is no dimension of ${array.name}, which has ${array.dimensions.map(dimensionParameter).join(', ')}`,
    }));
  const box: SliceBox = { start: [], extent: [], shape: [] };
  array.dimensions.forEach((dimension, axis) => {
    const length = array.shape[axis] as number;
    const chosen = Object.hasOwn(selection, dimension) ? selection[dimension] : undefined;
    const isIndex = typeof chosen === 'number';
    const range = isIndex ? { start: chosen, stop: chosen + 1 } : (chosen ?? { start: 0, stop: length });
    if (!isRangeWithin(range, length)) {
      const whole = isIndex
        ? `an index from 0 to ${length - 1}`
        : `a range start:stop with 0 <= start <= stop <= ${length}`;
      problems.push({
        pointer: `/${dimensionParameter(dimension)}`,
        message: `must be ${whole}`,
      });
    }
    box.start.push(range.start);
    box.extent.push(range.stop - range.start);
    if (!isIndex) box.shape.push(range.stop - range.start);
  });
  if (problems.length > 0) {
    throw new TesseraError('invalid-request', `This part of ${array.name} cannot be read.`, { problems });
  }
  return box;
}

function isRangeWithin({ start, stop }: PositionRange, length: number): boolean {
  return Number.isInteger(start) && Number.isInteger(stop) && start >= 0 && start <= stop && stop <= length;
}
