/** The convolution of the kernel recursion: the mean over a filter's window on one plane of pixel pairs. */
import type { Padding } from '@tessera/spec';

/**
 * 1/f^2 times the sum over the f x f window around each element. Circular padding wraps; zero padding adds
 * nothing and still divides by f^2. Separable: rows, then columns.
 */
export function boxAverage(
  plane: Float64Array,
  height: number,
  width: number,
  filterSize: number,
  padding: Padding,
): Float64Array {
  const along = (source: Float64Array, length: number, stride: number, lines: number, lineStride: number) => {
    const result = new Float64Array(source.length);
    const half = (filterSize - 1) / 2;
    for (let line = 0; line < lines; line++) {
      for (let x = 0; x < length; x++) {
        let sum = 0;
        for (let b = -half; b <= half; b++) {
          const at = padding === 'circular' ? (x + b + length) % length : x + b;
          if (at >= 0 && at < length) sum += source[line * lineStride + at * stride] as number;
        }
        result[line * lineStride + x * stride] = sum / filterSize;
      }
    }
    return result;
  };
  return along(along(plane, width, 1, height, width), height, width, width, 1);
}
