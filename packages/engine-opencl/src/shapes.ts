/** Work-group shapes: what suits a device by its kind. No bit of a result depends on them. */
import type { DeviceInfo } from './devices.js';

export interface Shapes {
  /** Of `fcn_pairs`: items of a group along columns and rows, and rows that each item takes through the layers. */
  fcn: { cols: number; rows: number; rowsEach: number };
  /** Of the kernels of planes: items of a group. */
  cnn: { items: number };
}

export function defaultShapes({ type, subGroupWidth, workGroupItems }: DeviceInfo): Shapes {
  if (type === 'cpu') {
    return { fcn: { cols: 64, rows: 1, rowsEach: 1 }, cnn: { items: Math.min(1024, workGroupItems) } };
  }
  const cnn = { items: Math.min(256, workGroupItems) };
  return { fcn: { cols: Math.max(32, subGroupWidth), rows: 4, rowsEach: 2 }, cnn };
}
