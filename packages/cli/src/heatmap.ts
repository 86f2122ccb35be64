/**
 * The result of an experiment as a map in the terminal: accuracy over sigma_w^2 (to the right) and depth
 * (upwards), with the depth scales 8 xi_1 and 8 xi_* of mean-field theory drawn over it. Half-block
 * characters in viridis where the terminal has colour, digits where not.
 */
import type { AnalysisRow, KernelName } from '@tessera/spec';
import { numberText, percentText } from './format.js';
import { type ColorDepth, colorCode, paint, type Rgb, resetCode } from './paint.js';
import { type MapQuantity, type PhaseMap, phaseMapOf, thinned, valueRange } from './phase-map.js';
import { type Mark, theoryMarks } from './theory-marks.js';
import { viridis } from './viridis.js';

export interface HeatmapOptions {
  /** Columns of the terminal. */
  columns?: number;
  /** Bits of colour; 1 and 4 give digits. */
  colorDepth?: ColorDepth;
  /** Which kernel; default ntk where the rows have it. */
  kernel?: KernelName;
  /** Which sigma_b^2; default the first row's. */
  biasVariance?: number;
  /** Which gradient-flow time; default the last. */
  time?: number;
}

const gutter = 7;
const mapsApart = 4;
const mostRows = 80;
const widestCell = 4;
const narrowestMap = 34;

/**
 * Train and test accuracy as maps, beside each other where the terminal is wide enough. Empty where the rows
 * hold no accuracy, or the grid has fewer than two values of sigma_w^2 or of depth.
 */
export function renderHeatmap(rows: readonly AnalysisRow[], options: HeatmapOptions = {}): string {
  const { columns = 100, colorDepth = 1 } = options;
  const kernel = options.kernel ?? rows.find((row) => row.kernel === 'ntk')?.kernel ?? rows[0]?.kernel;
  const biasVariance = options.biasVariance ?? rows[0]?.biasVariance;
  const chosen = rows.filter((row) => row.kernel === kernel && row.biasVariance === biasVariance);
  const maps = (['train', 'test'] as const).flatMap((quantity) => {
    const map = phaseMapOf(chosen, quantity, options.time);
    const hasMap = map.weightVariances.length > 1 && map.depths.length > 1 && valueRange(map) !== null;
    return hasMap ? [{ quantity, map }] : [];
  });
  const first = maps[0];
  if (first === undefined) return '';
  const across = first.map.weightVariances.length;
  const oneMap = gutter + Math.max(narrowestMap, across);
  const beside = maps.length > 1 && columns >= 2 * oneMap + mapsApart;
  const room = Math.max(10, (beside ? Math.floor((columns - mapsApart) / 2) : columns) - gutter - 1);
  const cellWidth = Math.max(1, Math.min(widestCell, Math.floor(room / across)));
  const blocks = maps.map(({ quantity, map }) =>
    mapBlock(thinned(map, room, mostRows), titleOf(quantity, chosen, options.time), cellWidth, colorDepth),
  );
  const heading = `${kernel === 'nngp' ? 'NNGP' : 'NTK'}, sigma_b^2 = ${numberText(biasVariance ?? null)}`;
  const body = beside ? sideBySide(blocks) : blocks.map((block) => block.join('\n')).join('\n\n');
  return `${heading}\n${body}\n${legend(columns, colorDepth)}`;
}

function titleOf(quantity: MapQuantity, rows: readonly AnalysisRow[], time: number | undefined): string {
  const what = quantity === 'train' ? 'training accuracy' : 'test accuracy';
  const dynamics = rows[0]?.dynamics ?? [];
  if (dynamics.length > 0)
    return `${what} at t = ${time ?? Math.max(...dynamics.map((entry) => entry.time))}`;
  return `${what} of ridge regression, diagReg = ${rows[0]?.regression[0]?.diagReg}`;
}

function sideBySide(blocks: readonly string[][]): string {
  const [left = [], right = []] = blocks;
  const width = Math.max(...left.map(visibleWidth));
  return left
    .map((line, i) =>
      `${line}${' '.repeat(width - visibleWidth(line) + mapsApart)}${right[i] ?? ''}`.trimEnd(),
    )
    .join('\n');
}

const escapeCodes = /\u001b\[[0-9;]*m/g;
const visibleWidth = (line: string) => [...line.replace(escapeCodes, '')].length;

function mapBlock(map: PhaseMap, title: string, cellWidth: number, colorDepth: ColorDepth): string[] {
  const [low, high] = valueRange(map) as [number, number];
  const marks = theoryMarks(map);
  const fraction = (value: number) => (high > low ? (value - low) / (high - low) : 0.5);
  const body =
    colorDepth === 8 || colorDepth === 24
      ? colorLines(map, marks, fraction, cellWidth, colorDepth)
      : digitLines(map, marks, fraction, cellWidth);
  const indent = ' '.repeat(gutter);
  return [
    `${indent}${paint(title, 'bold', colorDepth)}`,
    `${indent}${phaseNames(map, cellWidth)}`,
    ...body,
    `${indent}${weightAxis(map, cellWidth)}`,
    `${indent}${scaleText(low, high, colorDepth)}`,
  ];
}

/** Two depths a line: the upper is the foreground of a half block, the lower its background. */
function colorLines(
  map: PhaseMap,
  marks: readonly (Mark | null)[][],
  fraction: (value: number) => number,
  cellWidth: number,
  colorDepth: 8 | 24,
): string[] {
  const lines: string[] = [];
  const top = map.depths.length - 1;
  for (let lower = top - (top % 2); lower >= 0; lower -= 2) {
    let line = depthLabel(map, lower, lower / 2, lower + 1 >= top);
    for (let column = 0; column < map.weightVariances.length; column++) {
      const [below, above] = [cellColor(lower, column), lower < top ? cellColor(lower + 1, column) : null];
      line +=
        above === null
          ? `${colorCode(38, below, colorDepth)}${'▄'.repeat(cellWidth)}${resetCode}`
          : `${colorCode(38, above, colorDepth)}${colorCode(48, below, colorDepth)}${'▀'.repeat(cellWidth)}${resetCode}`;
    }
    lines.push(line);
  }
  return lines;

  function cellColor(row: number, column: number): Rgb {
    const value = map.values[row]?.[column] ?? null;
    const color = value === null ? missing : viridis(fraction(value));
    return marks[row]?.[column] ? opposite(color) : color;
  }
}

const missing: Rgb = [110, 110, 110];
/** White over the dark half of the map, black over the light half: a line that shows everywhere. */
function opposite([red, green, blue]: Rgb): Rgb {
  const luminance = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  return luminance < 0.55 ? [255, 255, 255] : [0, 0, 0];
}

/** One depth a line; a digit for each tenth of the scale. */
function digitLines(
  map: PhaseMap,
  marks: readonly (Mark | null)[][],
  fraction: (value: number) => number,
  cellWidth: number,
): string[] {
  return map.depths
    .map((_, row) => {
      const cells = map.weightVariances.map((_, column) => {
        const value = map.values[row]?.[column] ?? null;
        const digit = value === null ? '?' : String(Math.min(9, Math.floor(10 * fraction(value))));
        const mark = marks[row]?.[column];
        return mark ? (mark === 'xi1' ? 'o' : 'x').repeat(cellWidth) : digit.repeat(cellWidth);
      });
      return depthLabel(map, row, row, row === map.depths.length - 1) + cells.join('');
    })
    .reverse();
}

/** The depth at the left of every third line, of the bottom and of the top. */
function depthLabel(map: PhaseMap, row: number, line: number, isTop: boolean): string {
  const shown = isTop || (line % 3 === 0 && row < map.depths.length - 2);
  const text = shown ? String(map.depths[isTop ? map.depths.length - 1 : row]) : '';
  const name = isTop ? 'l ' : '';
  return `${(name + text).padStart(gutter - 2)}  `;
}

/** "ordered" over the ordered columns, "chaotic" over the chaotic ones, a bar between them. */
function phaseNames(map: PhaseMap, cellWidth: number): string {
  const ordered = map.phases.filter((phase) => phase === 'ordered').length * cellWidth;
  const width = map.weightVariances.length * cellWidth;
  const name = (text: string, room: number) => {
    const shown = text.length <= room ? text : '';
    const before = Math.floor((room - shown.length) / 2);
    return ' '.repeat(before) + shown + ' '.repeat(room - shown.length - before);
  };
  if (ordered === 0) return name(map.phases.includes('chaotic') ? 'chaotic' : '', width);
  if (ordered === width) return name('ordered', width);
  return `${name('ordered', ordered)}|${name('chaotic', width - ordered - 1)}`;
}

/** The first, middle and last sigma_w^2 under their columns, and the axis' name. */
function weightAxis(map: PhaseMap, cellWidth: number): string {
  const width = map.weightVariances.length * cellWidth;
  const [first, last] = [map.weightVariances[0] as number, map.weightVariances.at(-1) as number];
  const [left, right] = [numberText(first), numberText(last)];
  const name = 'sigma_w^2';
  const before = Math.max(1, Math.floor((width - name.length) / 2) - left.length);
  const after = Math.max(1, width - left.length - before - name.length - right.length);
  return `${left}${' '.repeat(before)}${name}${' '.repeat(after)}${right}`;
}

function scaleText(low: number, high: number, colorDepth: ColorDepth): string {
  if (colorDepth !== 8 && colorDepth !== 24) return `0 = ${percentText(low)}, 9 = ${percentText(high)}`;
  const length = 16;
  const bar = Array.from(
    { length },
    (_, i) => `${colorCode(38, viridis(i / (length - 1)), colorDepth)}█`,
  ).join('');
  return `${percentText(low)} ${bar}${resetCode} ${percentText(high)}`;
}

/** What the marks mean, in lines no wider than the terminal. */
function legend(columns: number, colorDepth: ColorDepth): string {
  const [xi1, xiStar, missingCell] = colorDepth < 8 ? ['o', 'x', '?'] : ['solid line', 'dashed line', 'grey'];
  const parts = [
    'l: depth',
    `${xi1}: 8 xi_1, trainable below it`,
    `${xiStar}: 8 xi_*, generalizes below it`,
    `${missingCell}: no number`,
  ];
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? null : `${lines.at(-1)}; ${part}`;
    if (longer !== null && gutter + longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines.map((line) => ' '.repeat(gutter) + line).join('\n');
}
