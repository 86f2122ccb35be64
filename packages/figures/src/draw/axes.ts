/** A panel's frame, ticks, labels and names of axes. */
import { textWidth } from './rich-text.js';
import type { Scale, Tick } from './scale.js';
import { type Frame, group, type Mark, type Point } from './scene.js';
import type { Theme } from './theme.js';

export interface AxisNames {
  /** Symbol and unit, as markup. */
  x: string;
  y: string;
}

/** What an axis needs outside its frame. */
export interface Margins {
  left: number;
  bottom: number;
}

const tickLength = (theme: Theme) => theme.size * 0.35;
const labelGap = (theme: Theme) => theme.size * 0.3;

/** Ticks that fit: labels of an x axis do not touch, those of a y axis have a line each. */
export function ticksFor(scale: Scale, theme: Theme, axis: 'x' | 'y'): Tick[] {
  const length = Math.abs(scale.range[1] - scale.range[0]);
  const room = axis === 'y' ? theme.size * 2.1 : theme.size * 4;
  // More labels than these are read by nobody.
  const most = axis === 'y' ? 9 : 12;
  for (let count = Math.min(most, Math.max(2, Math.floor(length / room))); count > 1; count--) {
    const found = scale.ticks(count);
    if (axis === 'y' || !overlaps(found, scale, theme))
      return axis === 'y' ? apart(found, scale, theme) : found;
  }
  return scale.ticks(2);
}

function overlaps(ticks: readonly Tick[], scale: Scale, theme: Theme): boolean {
  let end = Number.NEGATIVE_INFINITY;
  for (const { at, label } of ticks) {
    if (label === '') continue;
    const half = (textWidth(label) * theme.size) / 2;
    const x = scale.position(at);
    if (x - half < end + theme.size * 0.6) return true;
    end = x + half;
  }
  return false;
}

/** Drops labels of a y axis that would lie on each other: those of bands of unequal step. */
function apart(ticks: readonly Tick[], scale: Scale, theme: Theme): Tick[] {
  let last = Number.NaN;
  return ticks.filter(({ at, label }) => {
    if (label === '') return true;
    const y = scale.position(at);
    if (Math.abs(y - last) < theme.size * 1.15) return false;
    last = y;
    return true;
  });
}

/** Room for ticks' labels and the axes' names. */
export function axisMargins(yTicks: readonly Tick[], theme: Theme): Margins {
  const widest = Math.max(0, ...yTicks.map(({ label }) => textWidth(label)));
  return {
    left: theme.size * (1.45 + widest) + tickLength(theme) + labelGap(theme),
    bottom: tickLength(theme) + labelGap(theme) + theme.size * 2.5,
  };
}

/** The axes of a frame. With `grid`, faint lines at the ticks: for curves, not under maps. */
export function axisMarks(
  frame: Frame,
  scales: { x: Scale; y: Scale },
  names: AxisNames,
  theme: Theme,
  options: { grid?: boolean; hideX?: boolean; hideY?: boolean } = {},
): { below: Mark[]; above: Mark[] } {
  const { x, y, width, height } = frame;
  const [right, bottom] = [x + width, y + height];
  const length = tickLength(theme);
  const xTicks = ticksFor(scales.x, theme, 'x');
  const yTicks = ticksFor(scales.y, theme, 'y');
  const lines: Point[][] = [];
  const gridLines: Point[][] = [];
  const labels: Mark[] = [];
  for (const { at, label } of xTicks) {
    const place = scales.x.position(at);
    if (!(place >= x - 0.5 && place <= right + 0.5)) continue;
    lines.push([
      [place, bottom],
      [place, bottom + length * (label === '' ? 0.6 : 1)],
    ]);
    gridLines.push([
      [place, y],
      [place, bottom],
    ]);
    if (options.hideX || label === '') continue;
    const baseline = bottom + length + labelGap(theme) + theme.size * 0.75;
    labels.push(text(label, place, baseline, 'middle', theme, theme.faint));
  }
  for (const { at, label } of yTicks) {
    const place = scales.y.position(at);
    if (!(place >= y - 0.5 && place <= bottom + 0.5)) continue;
    lines.push([
      [x - length * (label === '' ? 0.6 : 1), place],
      [x, place],
    ]);
    gridLines.push([
      [x, place],
      [right, place],
    ]);
    if (options.hideY || label === '') continue;
    labels.push(
      text(label, x - length - labelGap(theme), place + theme.size * 0.35, 'end', theme, theme.faint),
    );
  }
  const stroke = { color: theme.ink, width: theme.axisWidth };
  const above: Mark[] = [
    { kind: 'path', lines, stroke },
    { kind: 'rect', x, y, width, height, stroke },
    ...labels,
  ];
  if (!options.hideX)
    above.push(
      text(
        names.x,
        x + width / 2,
        bottom + axisMargins([], theme).bottom - theme.size * 0.45,
        'middle',
        theme,
      ),
    );
  if (!options.hideY) {
    const margin = axisMargins(yTicks, theme).left;
    above.push({
      ...text(names.y, x - margin + theme.size * 0.95, y + height / 2, 'middle', theme),
      upwards: true,
    });
  }
  const gridStroke = { color: theme.grid, width: theme.axisWidth * 0.75 };
  return {
    below: options.grid ? [{ kind: 'path', lines: gridLines, stroke: gridStroke }] : [],
    above: [group('axes', above)],
  };
}

/** One line of text. */
export function text(
  markup: string,
  x: number,
  y: number,
  anchor: 'start' | 'middle' | 'end',
  theme: Theme,
  fill = theme.ink,
): Extract<Mark, { kind: 'text' }> {
  return { kind: 'text', x, y, markup, size: theme.size, fill, anchor };
}
