/** Work-group shapes: what suits a device by its kind. No bit of a result depends on them. */
import { type DeviceInfo, NVIDIA } from './devices.js';

export interface Shapes {
  /** Of `fcn_pairs`: items of a group along columns and rows, and rows that each item takes through the layers. */
  fcn: { cols: number; rows: number; rowsEach: number };
  /**
   * Of the kernels of planes: items of a group, the least rows of a column that an item holds, from how many pixels on a program is
   * compiled for one size of images, loops unrolled, and the most registers of an item (0: the compiler's choice).
   */
  cnn: { items: number; strip: number; unrolledFrom: number; registers: number };
}

export function defaultShapes({ type, subGroupWidth, workGroupItems, platform }: DeviceInfo): Shapes {
  if (type === 'cpu') {
    return {
      fcn: { cols: 64, rows: 1, rowsEach: 1 },
      cnn: {
        items: Math.min(1024, workGroupItems),
        strip: 1,
        unrolledFrom: Number.POSITIVE_INFINITY,
        registers: 0,
      },
    };
  }
  // 80 of 65,536 let three groups of 256 run at once, which hide each other's waits.
  const registers = platform === NVIDIA ? 80 : 0;
  const cnn = { items: Math.min(256, workGroupItems), strip: 4, unrolledFrom: 256, registers };
  return { fcn: { cols: Math.max(32, subGroupWidth), rows: 4, rowsEach: 2 }, cnn };
}
