/** A range of values and their colours, and the bar that explains them. */

import { text } from './axes.js';
import type { ColorMap } from './color-map.js';
import { textWidth } from './rich-text.js';
import { type Color, group, type Mark } from './scene.js';
import type { Theme } from './theme.js';

export interface ColorScale {
  low: number;
  high: number;
  map: ColorMap;
  isLog: boolean;
  /** An end's label, as markup. */
  label(value: number): string;
}

/** The place of a value between the ends, 0 to 1 and beyond. */
export function fractionOf({ low, high, isLog }: ColorScale, value: number): number {
  const [from, to, at] = isLog
    ? ([low, high, value].map(Math.log10) as [number, number, number])
    : [low, high, value];
  return to > from ? (at - from) / (to - from) : 0.5;
}

export function colorOf(scale: ColorScale): (value: number) => Color {
  return (value) => scale.map(fractionOf(scale, value));
}

/** The ends of what is there; null where there is nothing. */
export function valueRange(values: readonly (readonly (number | null)[])[]): [number, number] | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of values) {
    for (const value of row) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > high ? null : [low, high];
}

const steps = 48;

/** `name  low [====] high`, ending at `right`, its base line at `y`. The bar is as long as there is room for. */
export function colorBar(
  scale: ColorScale,
  name: string,
  place: { left: number; right: number; y: number },
  theme: Theme,
): Mark {
  const { size } = theme;
  const { left, right, y } = place;
  const [lowText, highText] = [scale.label(scale.low), scale.label(scale.high)];
  const gap = size * 0.35;
  const nameEnd = left + textWidth(name) * size + size * 1.2;
  const highStart = right - textWidth(highText) * size;
  const barEnd = highStart - gap;
  const lowWidth = textWidth(lowText) * size + gap;
  const length = Math.min(size * 9, barEnd - nameEnd - lowWidth);
  const marks: Mark[] = [text(name, left, y, 'start', theme)];
  if (length < size * 1.5) return group('colorbar', marks);
  const start = barEnd - length;
  for (let i = 0; i < steps; i++) {
    const overlap = i + 1 < steps ? 1 : 0;
    marks.push({
      kind: 'rect',
      x: start + (i / steps) * length,
      y: y - size * 0.75,
      width: length / steps + overlap,
      height: size * 0.75,
      fill: scale.map(i / (steps - 1)),
    });
  }
  marks.push(text(lowText, start - gap, y, 'end', theme, theme.faint));
  marks.push(text(highText, right, y, 'end', theme, theme.faint));
  return group('colorbar', marks);
}
