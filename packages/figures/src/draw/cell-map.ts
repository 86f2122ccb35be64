/** Values over two axes as coloured cells; beyond `mostRects` as pixels under the same axes. */
import { rgbOf } from './color-map.js';
import { hatchMarks } from './hatch.js';
import type { Scale } from './scale.js';
import { type Color, type Frame, group, type Mark } from './scene.js';
import type { Theme } from './theme.js';

/** Cells that are still drawn one by one: beyond, a picture of text would be many megabytes. */
export const mostRects = 20_000;

export interface CellMap {
  /** values[row][column], rows as `y.values`, columns as `x.values`; null where there is no number. */
  values: readonly (readonly (number | null)[])[];
  color(value: number): Color;
  /** Samples of a smooth field: pixels, smoothed where they are enlarged. */
  isSmooth?: boolean;
}

/** @param scales both with `edges` */
export function cellMarks(
  frame: Frame,
  scales: { x: Scale; y: Scale },
  { values, color, isSmooth = false }: CellMap,
  theme: Theme,
): Mark[] {
  const columns = values[0]?.length ?? 0;
  const isWhole = values.every((row) => row.every((value) => value !== null));
  const hatch = isWhole ? [] : hatchMarks(frame, theme);
  const cells =
    isSmooth || values.length * columns > mostRects
      ? [pixelMark(frame, scales, { values, color, isSmooth })]
      : rectMarks(scales, { values, color });
  return [group('hatch', hatch), group('cells', cells, frame)];
}

function rectMarks(scales: { x: Scale; y: Scale }, { values, color }: CellMap): Mark[] {
  const xEdges = scales.x.edges as readonly number[];
  const yEdges = scales.y.edges as readonly number[];
  // Neighbours overlap by a pixel: where they only touch, what lies behind shows through the seam.
  const overlap = 1;
  const marks: Mark[] = [];
  values.forEach((row, r) => {
    const [one, two] = [yEdges[r] as number, yEdges[r + 1] as number];
    row.forEach((value, c) => {
      if (value === null) return;
      const [left, right] = [xEdges[c] as number, xEdges[c + 1] as number];
      const below = values[r + 1];
      const isLastColumn = c + 1 === row.length;
      const isLast = {
        x: isMissing(row[c + 1]),
        y: isMissing(below?.[c]) || (!isLastColumn && isMissing(below?.[c + 1])),
      };
      marks.push({
        kind: 'rect',
        x: left,
        y: Math.min(one, two) - (isLast.y ? 0 : overlap),
        width: right - left + (isLast.x ? 0 : overlap),
        height: Math.abs(two - one) + (isLast.y ? 0 : overlap),
        fill: color(value),
      });
    });
  });
  return marks;
}

const isMissing = (value: number | null | undefined) => value === null || value === undefined;

/** One pixel a cell where cells are of one size; else a row of pixels as fine as the narrowest cell, at most 4,096. */
function pixelMark(frame: Frame, scales: { x: Scale; y: Scale }, map: CellMap): Mark {
  const { values, color, isSmooth = false } = map;
  const columnOf = pixelCells(scales.x.edges as readonly number[]);
  const rowOf = pixelCells(scales.y.edges as readonly number[]);
  const rgba = new Uint8Array(4 * columnOf.length * rowOf.length);
  const isUpwards = (scales.y.range[0] as number) > scales.y.range[1];
  rowOf.forEach((cell, row) => {
    const target = isUpwards ? rowOf.length - 1 - row : row;
    columnOf.forEach((column, pixel) => {
      const value = values[cell]?.[column] ?? null;
      if (value === null) return;
      rgba.set([...rgbOf(color(value)), 255], 4 * (target * columnOf.length + pixel));
    });
  });
  const { x, y, width, height } = frame;
  return {
    kind: 'image',
    x,
    y,
    width,
    height,
    pixels: { width: columnOf.length, height: rowOf.length, rgba },
    isSmooth,
  };
}

/** For each pixel along an axis, the cell it lies in. */
function pixelCells(edges: readonly number[]): number[] {
  const sides = edges.slice(1).map((edge, i) => Math.abs(edge - (edges[i] as number)));
  const [narrowest, widest] = [Math.min(...sides), Math.max(...sides)];
  if (widest - narrowest < 1e-6 * widest) return sides.map((_, i) => i);
  const whole = sides.reduce((sum, side) => sum + side, 0);
  const count = Math.min(4096, Math.ceil(whole / narrowest));
  let cell = 0;
  let end = sides[0] as number;
  return Array.from({ length: count }, (_, pixel) => {
    const middle = ((pixel + 0.5) / count) * whole;
    while (middle > end && cell + 1 < sides.length) end += sides[++cell] as number;
    return cell;
  });
}
