/** A kernel matrix, or a block of it, as a heat map: images in classes, class boundaries as lines. */
import { axisMargins, axisMarks, text, ticksFor } from '../draw/axes.js';
import { rgbOf, viridis } from '../draw/color-map.js';
import { type ColorScale, colorBar, fractionOf } from '../draw/color-scale.js';
import { numberMarkup } from '../draw/number-markup.js';
import { textWidth } from '../draw/rich-text.js';
import { linearScale, type Scale } from '../draw/scale.js';
import { type Frame, group, type Mark, type Point } from '../draw/scene.js';
import { type Theme, themes } from '../draw/theme.js';
import { type FigureExperiment, kernelSymbol, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import type { GridPointChoice } from './spectrum.js';

/** A range of positions along an axis, and what its images are. */
export interface MatrixAxis {
  /** Positions start .. stop - 1 of the (sorted) images. */
  start: number;
  stop: number;
  /** Class of each position of the whole axis, where they are sorted by class; else null. */
  classes: ArrayLike<number> | null;
  /** `training image` or `test image`. */
  images: string;
}

export interface KernelMatrixData extends GridPointChoice {
  experiment: FigureExperiment;
  rows: MatrixAxis;
  columns: MatrixAxis;
  /** The block at some resolution, row-major: each value stands for an equal part of the ranges. NaN is missing. */
  block: { height: number; width: number; values: ArrayLike<number> };
  /** Of the colours; default: the 0.5 % to 99.5 % quantiles off the diagonal. */
  limits?: readonly [number, number] | undefined;
  classNames?: readonly string[] | null | undefined;
  /** How the block was reduced: the caption says it. */
  reduction?: 'mean' | 'nearest' | null | undefined;
}

export function kernelMatrix(data: KernelMatrixData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { experiment, rows, columns, block } = data;
  const header = theme.size * 2;
  const draft = linearScale([rows.start, rows.stop], [0, options.width]);
  const margins = axisMargins(ticksFor(draft, theme, 'y'), theme);
  const right = theme.size * 0.9;
  const width = options.width - margins.left - right;
  // Cells are square where the height is not given.
  const aspect = (rows.stop - rows.start) / Math.max(1, columns.stop - columns.start);
  const height = options.height ?? header + margins.bottom + Math.min(width * aspect, 900);
  const frame: Frame = { x: margins.left, y: header, width, height: height - header - margins.bottom };
  const x = linearScale([columns.start, columns.stop], [frame.x, frame.x + frame.width]);
  // The first row at the top, as matrices are written.
  const y = linearScale([rows.start, rows.stop], [frame.y, frame.y + frame.height]);
  const limits = data.limits ?? quantiles(offDiagonal(data));
  const colors: ColorScale | null = limits && {
    low: limits[0],
    high: limits[1],
    map: viridis,
    isLog: false,
    label: (value) => numberMarkup(value),
  };
  const symbol = kernelSymbol(data.kernel);
  const axes = axisMarks(
    frame,
    { x, y },
    { x: `${columns.images}, position`, y: `${rows.images}, position` },
    theme,
  );
  const bar = { left: frame.x, right: frame.x + frame.width, y: theme.size };
  const marks: Mark[] = [
    ...(colors === null ? [] : [colorBar(colors, `entries of ${symbol}`, bar, theme)]),
    ...(colors === null ? [] : [imageOf(frame, block, colors)]),
    group('classes', classMarks(data, { x, y }, frame, theme), frame),
    ...axes.above,
  ];
  const sorted =
    columns.classes !== null ? ' Images are sorted by class; lines are the classes’ boundaries.' : '';
  const reduced =
    data.reduction === 'mean'
      ? ' Each cell is the mean of its entries.'
      : data.reduction === 'nearest'
        ? ' Each cell is one of its entries.'
        : '';
  return {
    marks,
    height,
    caption: `Kernel matrix ${symbol}, rows ${rows.start} to ${rows.stop - 1} and columns ${columns.start} to ${columns.stop - 1}.${sorted}${reduced} Colours between the 0.5 % and 99.5 % quantiles off the diagonal. ${sourceText(experiment, data)}`,
    table: {
      columns: [
        { name: 'row', symbol: 'row', unit: '' },
        { name: 'column', symbol: 'column', unit: '' },
        { name: 'value', symbol, unit: '' },
      ],
      rows: tableRows(data),
    },
    panels: [{ name: 'kernel-matrix', frame, x, y }],
  };
}

/** Beyond this many cells a table of them helps nobody; the array's own `.npy` does. */
const mostTableRows = 250_000;

function tableRows({ rows, columns, block }: KernelMatrixData): number[][] {
  if (block.height * block.width > mostTableRows) return [];
  const place = ({ start, stop }: MatrixAxis, index: number, count: number) =>
    start + Math.floor((index * (stop - start)) / count);
  return Array.from({ length: block.height * block.width }, (_, i) => {
    const [row, column] = [Math.floor(i / block.width), i % block.width];
    return [place(rows, row, block.height), place(columns, column, block.width), block.values[i] as number];
  });
}

/** Without the entries of an image with itself, which can be far larger than all others. */
function offDiagonal({ rows, columns, block }: KernelMatrixData): number[] {
  const values = Array.from(block.values);
  if (rows.images !== columns.images) return values;
  const across = (columns.stop - columns.start) / block.width;
  const down = (rows.stop - rows.start) / block.height;
  const kept = values.filter((_, i) => {
    const row = rows.start + Math.floor(i / block.width) * down;
    const column = columns.start + (i % block.width) * across;
    return row + down <= column || column + across <= row;
  });
  return kept.length > 0 ? kept : values;
}

/** The 0.5 % and 99.5 % quantiles of what is a number; null where nothing is. */
export function quantiles(values: ArrayLike<number>): [number, number] | null {
  // Of many entries every n-th is enough.
  const stride = Math.max(1, Math.floor(values.length / 50_000));
  const sample: number[] = [];
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i] as number;
    if (Number.isFinite(value)) sample.push(value);
  }
  if (sample.length === 0) return null;
  sample.sort((a, b) => a - b);
  const at = (share: number) => sample[Math.round(share * (sample.length - 1))] as number;
  return [at(0.005), at(0.995)];
}

function imageOf(
  frame: Frame,
  { height, width, values }: KernelMatrixData['block'],
  colors: ColorScale,
): Mark {
  const rgba = new Uint8Array(4 * width * height);
  const palette = Array.from({ length: 256 }, (_, i) => rgbOf(colors.map(i / 255)));
  for (let i = 0; i < width * height; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    const step = Math.round(255 * Math.min(1, Math.max(0, fractionOf(colors, value))));
    const [red, green, blue] = palette[step] as [number, number, number];
    rgba[4 * i] = red;
    rgba[4 * i + 1] = green;
    rgba[4 * i + 2] = blue;
    rgba[4 * i + 3] = 255;
  }
  const { x, y } = frame;
  return { kind: 'image', x, y, width: frame.width, height: frame.height, pixels: { width, height, rgba } };
}

/** Lines where the class changes, and the classes' names along the top where they have room. */
function classMarks(
  { rows, columns, classNames }: KernelMatrixData,
  { x, y }: { x: Scale; y: Scale },
  frame: Frame,
  theme: Theme,
): Mark[] {
  const { line, halo } = theme.overMap;
  const cuts = (axis: MatrixAxis) => boundaries(axis).filter((at) => at > axis.start && at < axis.stop);
  const lines: Point[][] = [
    ...cuts(columns).map((at): Point[] => [
      [x.position(at), frame.y],
      [x.position(at), frame.y + frame.height],
    ]),
    ...cuts(rows).map((at): Point[] => [
      [frame.x, y.position(at)],
      [frame.x + frame.width, y.position(at)],
    ]),
  ];
  if (lines.length === 0) return [];
  const marks: Mark[] = [
    { kind: 'path', lines, stroke: { color: halo, width: theme.axisWidth * 1.6, opacity: 0.5 } },
    { kind: 'path', lines, stroke: { color: line, width: theme.axisWidth * 0.6 } },
  ];
  const { classes } = columns;
  if (!classes || !classNames) return marks;
  const edges = [columns.start, ...cuts(columns), columns.stop];
  edges.slice(0, -1).forEach((from, i) => {
    const to = edges[i + 1] as number;
    const name = classNames[classes[from] as number] ?? '';
    const [left, right] = [x.position(from), x.position(to)];
    if (textWidth(name) * theme.size + theme.size * 0.4 > right - left) return;
    marks.push({
      ...text(name, (left + right) / 2, frame.y + theme.size * 1.1, 'middle', theme, line),
      halo,
    });
  });
  return marks;
}

/** Positions at which the class changes. */
function boundaries({ classes }: MatrixAxis): number[] {
  if (classes === null) return [];
  const cuts: number[] = [];
  for (let i = 1; i < classes.length; i++) if (classes[i] !== classes[i - 1]) cuts.push(i);
  return cuts;
}
