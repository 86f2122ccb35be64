/** Colours of values: viridis for accuracies, cividis for logarithms, blue-white-orange for what has a middle. */
import { interpolateCividis, interpolateViridis } from 'd3-scale-chromatic';
import type { Color } from './scene.js';

/** The colour of a fraction, 0 to 1. */
export type ColorMap = (fraction: number) => Color;

const clamped = (fraction: number) => Math.min(1, Math.max(0, fraction));

export const viridis: ColorMap = (fraction) => hexOf(interpolateViridis(clamped(fraction)));
export const cividis: ColorMap = (fraction) => hexOf(interpolateCividis(clamped(fraction)));

/** Blue (0) over white (1/2) to orange (1); told apart by every kind of colour blindness. */
type Rgb = readonly [number, number, number];
const diverging: readonly Rgb[] = [
  [8, 64, 129],
  [43, 131, 186],
  [146, 197, 222],
  [247, 247, 247],
  [253, 190, 133],
  [230, 116, 20],
  [140, 57, 4],
];

export const blueOrange: ColorMap = (fraction) => {
  const position = clamped(fraction) * (diverging.length - 1);
  const below = Math.min(diverging.length - 2, Math.floor(position));
  const [from, to] = [diverging[below], diverging[below + 1]] as [Rgb, Rgb];
  return hex(from.map((value, i) => value + (position - below) * ((to[i] as number) - value)));
};

/** d3 writes `#rrggbb` or `rgb(r, g, b)`. */
function hexOf(color: string): Color {
  return color.startsWith('#') ? color : hex((color.match(/\d+/g) ?? []).map(Number));
}

function hex(parts: readonly number[]): Color {
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** The bytes of a colour. */
export function rgbOf(color: Color): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
