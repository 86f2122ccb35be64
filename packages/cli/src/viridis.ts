/** The viridis colour map (matplotlib), by linear interpolation between seventeen of its colours. */
import type { Rgb } from './paint.js';

const stops: readonly Rgb[] = [
  [68, 1, 84],
  [72, 24, 106],
  [71, 45, 123],
  [66, 64, 134],
  [59, 82, 139],
  [51, 99, 141],
  [44, 114, 142],
  [38, 130, 142],
  [33, 145, 140],
  [31, 160, 136],
  [40, 174, 128],
  [63, 188, 115],
  [94, 201, 98],
  [132, 212, 75],
  [173, 220, 48],
  [216, 226, 25],
  [253, 231, 37],
];

/** The colour of a fraction; below 0 and above 1 take the ends. */
export function viridis(fraction: number): Rgb {
  const position = Math.min(1, Math.max(0, fraction)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(position));
  const [from, to] = [stops[below] as Rgb, stops[below + 1] as Rgb];
  const mix = (i: 0 | 1 | 2) => Math.round(from[i] + (position - below) * (to[i] - from[i]));
  return [mix(0), mix(1), mix(2)];
}
