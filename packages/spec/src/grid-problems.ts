/** Problems of an axis that its schema cannot say: the order of its ends, its length, repeats, whole depths. */
import { type Axis, axisLength, expandAxis } from './axis.js';
import type { Problem } from './errors.js';
import { fieldName } from './json-text.js';
import { specLimits } from './limits.js';

/**
 * The first problem of an axis that its schema accepted, or null.
 *
 * @param whole true where the values must be whole numbers (depths)
 */
export function axisProblem(axis: Axis, pointer: string, whole: boolean): Problem | null {
  if (Array.isArray(axis)) return null; // the schema has checked every item
  const name = fieldName(pointer);
  const { from, to } = axis;
  if (from >= to) {
    return { pointer, message: `${name} goes from ${from} to ${to}; write a from that is less than to.` };
  }
  const length = axisLength(axis);
  if (length > specLimits.axisValues) {
    const message = `${name} has ${length} values; the limit is ${specLimits.axisValues}: take a larger step.`;
    return { pointer, message };
  }
  const values = expandAxis(axis);
  const broken = whole ? values.find((value) => !Number.isInteger(value)) : undefined;
  if (broken !== undefined) {
    const message = `${name} comes out as ${broken}, but depths are whole numbers; change from, to or the step.`;
    return { pointer, message };
  }
  if (new Set(values).size < values.length) {
    return { pointer, message: `${name} repeats values in float64; take fewer or wider steps.` };
  }
  return null;
}
