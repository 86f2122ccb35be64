/** Work-group shapes: what suits a device by its kind. No bit of a result depends on them. */
import type { DeviceInfo } from './devices.js';
import type { FcnShape } from './fcn.js';

export interface Shapes {
  fcn: FcnShape;
}

export function defaultShapes({ type, subGroupWidth }: DeviceInfo): Shapes {
  if (type === 'cpu') return { fcn: { cols: 64, rows: 1, rowsEach: 1 } };
  return { fcn: { cols: Math.max(32, subGroupWidth), rows: 4, rowsEach: 2 } };
}
