/**
 * Pixel pairs (p, p + s) of one displacement s of two images of one size, and the convolution of the kernel recursion: the mean
 * over a filter's window, both pixels moved by the same offset.
 */
import type { Padding } from '@tessera/spec';

export interface Geometry {
  height: number;
  width: number;
  filterSize: number;
  padding: Padding;
}

/** The pixels p of the first image whose partner p + (dy, dx) lies in the second: all of them where padding wraps. */
export interface PixelPairs {
  dy: number;
  dx: number;
  top: number;
  left: number;
  height: number;
  width: number;
  /** Indices of p and p + s, row-major over the rectangle. */
  first: Int32Array;
  second: Int32Array;
}

/** The pairs (p, p). */
export const samePixels = (geometry: Geometry): PixelPairs => pairsOf(geometry, 0, 0);

/** Every displacement: height x width of them where padding wraps, else (2 height - 1) x (2 width - 1). */
export function allPixels(geometry: Geometry): PixelPairs[] {
  const { height, width, padding } = geometry;
  const result: PixelPairs[] = [];
  for (let dy = padding === 'circular' ? 0 : 1 - height; dy < height; dy++) {
    for (let dx = padding === 'circular' ? 0 : 1 - width; dx < width; dx++) {
      result.push(pairsOf(geometry, dy, dx));
    }
  }
  return result;
}

function pairsOf(geometry: Geometry, dy: number, dx: number): PixelPairs {
  const wraps = geometry.padding === 'circular';
  const height = geometry.height - (wraps ? 0 : Math.abs(dy));
  const width = geometry.width - (wraps ? 0 : Math.abs(dx));
  const [top, left] = wraps ? [0, 0] : [Math.max(0, -dy), Math.max(0, -dx)];
  const first = new Int32Array(height * width);
  const second = new Int32Array(height * width);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [row, col] = [top + y, left + x];
      first[i] = row * geometry.width + col;
      second[i] = ((row + dy) % geometry.height) * geometry.width + ((col + dx) % geometry.width);
    }
  }
  return { dy, dx, top, left, height, width, first, second };
}

/**
 * What a pair counts of which one pixel is in the image and the other in the padding: a value for each pixel of the
 * first image, and of the second. The covariance with padding is 0, but its complement is half of the pixel's variance.
 */
export interface Lone {
  first: Float64Array;
  second: Float64Array;
}

/** 1/f^2 times the sum over the f x f window around each pair; padding adds `lone`, or nothing. */
export function filterMean(
  geometry: Geometry,
  pairs: PixelPairs,
  values: Float64Array,
  lone?: Lone,
): Float64Array {
  const half = (geometry.filterSize - 1) / 2;
  const [height, width] = [pairs.height + 2 * half, pairs.width + 2 * half];
  const extended = new Float64Array(height * width);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      extended[i] = valueAt(geometry, pairs, values, lone, y - half, x - half);
    }
  }
  return windowMean(
    windowMean(extended, height, width, geometry.filterSize),
    width - 2 * half,
    height,
    geometry.filterSize,
  );
}

/** The value of a pair in the rectangle's coordinates, which may lie outside of it. */
function valueAt(
  geometry: Geometry,
  { dy, dx, top, left, height, width }: PixelPairs,
  values: Float64Array,
  lone: Lone | undefined,
  y: number,
  x: number,
): number {
  if (geometry.padding === 'circular') {
    // Filters may be wider than the image.
    const wrapped = (((y % height) + height) % height) * width + (((x % width) + width) % width);
    return values[wrapped] as number;
  }
  if (y >= 0 && y < height && x >= 0 && x < width) return values[y * width + x] as number;
  if (lone === undefined) return 0;
  const pixel = (row: number, col: number) =>
    row >= 0 && row < geometry.height && col >= 0 && col < geometry.width ? row * geometry.width + col : -1;
  const [first, second] = [pixel(top + y, left + x), pixel(top + y + dy, left + x + dx)];
  if (first >= 0) return lone.first[first] as number;
  return second >= 0 ? (lone.second[second] as number) : 0;
}

/** Means over `size` neighbours along each row, turned: the result's rows are the source's columns. */
function windowMean(source: Float64Array, height: number, width: number, size: number): Float64Array {
  const kept = width - size + 1;
  const result = new Float64Array(kept * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < kept; x++) {
      let sum = 0;
      for (let b = 0; b < size; b++) sum += source[y * width + x + b] as number;
      result[x * height + y] = sum / size;
    }
  }
  return result;
}
