/** Axes of the grid: a list of values, or a range with both ends included. */
import { type Static, type TInteger, type TNumber, Type } from 'typebox';
import { specLimits } from './limits.js';

const closed = { additionalProperties: false } as const;

/** The schema of an axis whose listed values are `item`; ranges have the item's bounds but need not be whole. */
export function axisSchemaOf(item: TNumber | TInteger, end: TNumber) {
  return Type.Union([
    Type.Array(item as TNumber, { minItems: 1, maxItems: specLimits.axisValues, uniqueItems: true }),
    Type.Object(
      { from: end, to: end, count: Type.Integer({ minimum: 2, maximum: specLimits.axisValues }) },
      { ...closed, description: 'from + i (to - from) / (count - 1)' },
    ),
    Type.Object(
      { from: end, to: end, step: Type.Number({ exclusiveMinimum: 0 }) },
      { ...closed, description: 'from + i step, up to and including to' },
    ),
  ]);
}

const variance = Type.Number({ minimum: 0 });
/** An axis of variances. */
export const varianceAxisSchema = axisSchemaOf(variance, variance);
/** An axis of depths; a range must come out whole. */
export const depthAxisSchema = axisSchemaOf(
  Type.Integer({ minimum: 0, maximum: specLimits.depth }),
  Type.Number({ minimum: 0, maximum: specLimits.depth }),
);
export type Axis = Static<typeof varianceAxisSchema>;

/** A step range ends at `to` when the last step lands this close to it, in steps. */
const stepTolerance = 1e-9;

/** The number of values of an axis, without making them; may exceed what `expandAxis` should be asked for. */
export function axisLength(axis: Axis): number {
  if (Array.isArray(axis)) return axis.length;
  if ('count' in axis) return axis.count;
  return Math.floor((axis.to - axis.from) / axis.step + stepTolerance) + 1;
}

/**
 * The values of an axis, in the request's order.
 *
 * `{from, to, count}` is from + i ((to - from) / (count - 1)), as numpy's linspace; `{from, to, step}` is
 * from + i step while <= to + 1e-9 step. A range that reaches `to` ends with exactly `to`.
 *
 * @param axis an axis that `parseSpec` accepted
 */
export function expandAxis(axis: Axis): number[] {
  if (Array.isArray(axis)) return [...axis];
  const { from, to } = axis;
  const length = axisLength(axis);
  const step = 'count' in axis ? (to - from) / (axis.count - 1) : axis.step;
  const values = Array.from({ length }, (_, i) => from + i * step);
  const last = length - 1;
  if (last > 0 && ('count' in axis || Math.abs((values[last] as number) - to) <= stepTolerance * step)) {
    values[last] = to;
  }
  return values;
}
