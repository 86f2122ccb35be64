/** Curves over two axes: data in colour with its points, theory dark over it, each named at its end. */
import type { PlotPanel } from '../figure.js';
import { axisMargins, axisMarks, text, ticksFor } from './axes.js';
import { clipLine, LabelPlacer } from './line-labels.js';
import { bandScale, extentOf, linearScale, logScale, type Scale } from './scale.js';
import { type Color, type Frame, group, type Mark, type Point } from './scene.js';
import type { Theme } from './theme.js';

export interface Series {
  /** Of the group of marks. */
  name: string;
  /** At the line's end, as markup; empty for none. */
  label: string;
  /** In order along x; null or NaN breaks the line. */
  points: readonly (readonly [x: number, y: number | null])[];
  color: Color;
  dash?: readonly number[] | undefined;
  /** Theory is drawn last and has no points. */
  isTheory?: boolean | undefined;
  /** Dots at the points, by default where they lie apart; `hollow` for those whose number is not to be trusted. */
  dots?: 'all' | 'none' | undefined;
  hollow?: readonly boolean[] | undefined;
  /** Where the name goes; default `end`. */
  labelAt?: 'start' | 'end' | undefined;
}

export interface AxisKind {
  kind: 'linear' | 'log' | 'bands';
  /** Default: what the series reach, with a little air. */
  domain?: readonly [number, number] | undefined;
  /** Of bands. */
  values?: readonly number[] | undefined;
  /** Symbol and unit. */
  title: string;
  label?: ((value: number) => string) | undefined;
}

export interface LinePanel {
  name: string;
  series: readonly Series[];
  x: AxisKind;
  y: AxisKind;
  /** Upright lines across the frame: the critical line. */
  verticals?: readonly { at: number; label: string }[] | undefined;
  /** Lines across: lambda_max. */
  horizontals?: readonly { at: number; label: string }[] | undefined;
}

/** More points than these become one thick line. */
const mostDots = 90;

export function linePanel(box: Frame, panel: LinePanel, theme: Theme): { marks: Mark[]; panel: PlotPanel } {
  const { series } = panel;
  const visible = series.filter(({ isTheory }) => !isTheory);
  const measured = visible.length > 0 ? visible : series;
  const extents = {
    x: measured.flatMap(({ points }) => points.map(([x]) => x)),
    y: [
      ...measured.flatMap(({ points }) => points.map(([, y]) => y)),
      ...(panel.horizontals ?? []).map(({ at }) => at),
    ],
  };
  const top = theme.size * 0.8;
  const draft = scaleOf(panel.y, extents.y, [box.y + box.height, box.y + top], 0.06);
  const margins = axisMargins(ticksFor(draft, theme, 'y'), theme);
  const frame: Frame = {
    x: box.x + margins.left,
    y: box.y + top,
    width: box.width - margins.left - theme.size * 0.9,
    height: box.height - top - margins.bottom,
  };
  const x = scaleOf(panel.x, extents.x, [frame.x, frame.x + frame.width], 0.03);
  const y = scaleOf(panel.y, extents.y, [frame.y + frame.height, frame.y], 0.06);
  const axes = axisMarks(frame, { x, y }, { x: panel.x.title, y: panel.y.title }, theme, { grid: true });
  const placer = new LabelPlacer(frame, theme);
  const drawn = series.map((one) => ({ one, lines: linesOf(one, x, y, frame) }));
  for (const { lines } of drawn) for (const line of lines) placer.avoid(line);
  const data = drawn.filter(({ one }) => !one.isTheory);
  const theory = drawn.filter(({ one }) => one.isTheory);
  const marks: Mark[] = [
    group(`panel ${panel.name}`, [
      ...axes.below,
      group(
        'data',
        data.flatMap(({ one, lines }) => seriesMarks(one, lines, { x, y }, frame, theme)),
      ),
      ...ruleMarks(panel, { x, y }, frame, placer, theme),
      group(
        'theory',
        theory.flatMap(({ one, lines }) => seriesMarks(one, lines, { x, y }, frame, theme)),
      ),
      ...axes.above,
      group(
        'labels',
        drawn.flatMap(({ one, lines }) => labelMarks(one, lines, placer, theme)),
      ),
    ]),
  ];
  return { marks, panel: { name: panel.name, frame, x, y } };
}

function scaleOf(
  axis: AxisKind,
  values: readonly (number | null)[],
  range: [number, number],
  air: number,
): Scale {
  if (axis.kind === 'bands') return bandScale(axis.values ?? [], range);
  const domain = axis.domain ?? extentOf(values, { isLog: axis.kind === 'log', air });
  return axis.kind === 'log' ? logScale(domain, range) : linearScale(domain, range, axis.label);
}

function linesOf({ points }: Series, x: Scale, y: Scale, frame: Frame): Point[][] {
  const pieces: Point[][] = [[]];
  for (const [px, py] of points) {
    const point: Point = [x.position(px), py === null ? Number.NaN : y.position(py)];
    if (point.every(Number.isFinite)) pieces.at(-1)?.push(point);
    else if (pieces.at(-1)?.length) pieces.push([]);
  }
  return pieces.flatMap((piece) => clipLine(piece, frame));
}

function seriesMarks(
  series: Series,
  lines: readonly Point[][],
  { x, y }: { x: Scale; y: Scale },
  frame: Frame,
  theme: Theme,
): Mark[] {
  const { color, dash, hollow } = series;
  const isDense = series.points.length > mostDots;
  const dots = series.dots ?? (series.isTheory || isDense ? 'none' : 'all');
  const width = series.isTheory ? theme.lineWidth * 0.85 : theme.lineWidth;
  const marks: Mark[] = lines.length === 0 ? [] : [{ kind: 'path', lines, stroke: { color, width, dash } }];
  if (dots === 'none') return [group(series.name, marks)];
  const paper = theme.background ?? '#ffffff';
  series.points.forEach(([px, py], i) => {
    if (py === null) return;
    const [cx, cy] = [x.position(px), y.position(py)];
    const isInside =
      cx >= frame.x - 1 &&
      cx <= frame.x + frame.width + 1 &&
      cy >= frame.y - 1 &&
      cy <= frame.y + frame.height + 1;
    if (!isInside) return;
    const isHollow = hollow?.[i] === true;
    marks.push({
      kind: 'circle',
      x: cx,
      y: cy,
      radius: theme.pointRadius,
      fill: isHollow ? paper : color,
      ...(isHollow ? { stroke: { color, width: theme.axisWidth } } : {}),
    });
  });
  return [group(series.name, marks)];
}

function labelMarks(series: Series, lines: readonly Point[][], placer: LabelPlacer, theme: Theme): Mark[] {
  if (series.label === '' || lines.length === 0) return [];
  const isStart = series.labelAt === 'start';
  const at = (isStart ? lines[0]?.[0] : lines.at(-1)?.at(-1)) as Point;
  const halo = theme.background ?? '#ffffff';
  return placer.at(at, series.label, { anchor: isStart ? 'start' : 'end', fill: series.color, halo });
}

function ruleMarks(
  { verticals = [], horizontals = [] }: LinePanel,
  { x, y }: { x: Scale; y: Scale },
  frame: Frame,
  placer: LabelPlacer,
  theme: Theme,
): Mark[] {
  const stroke = {
    color: theme.theory,
    width: theme.lineWidth * 0.7,
    dash: [theme.lineWidth, theme.lineWidth * 2],
  };
  const halo = theme.background ?? '#ffffff';
  const marks: Mark[] = [];
  const rules: { line: Point[]; label: string; end: Point; anchor: 'start' | 'end' }[] = [
    ...verticals.map(({ at, label }) => {
      const place = x.position(at);
      const line: Point[] = [
        [place, frame.y],
        [place, frame.y + frame.height],
      ];
      const end: Point = [place + theme.size * 0.4, frame.y + theme.size];
      return { line, label, end, anchor: 'start' as const };
    }),
    ...horizontals.map(({ at, label }) => {
      const place = y.position(at);
      const line: Point[] = [
        [frame.x, place],
        [frame.x + frame.width, place],
      ];
      return { line, label, end: [frame.x + frame.width, place] as Point, anchor: 'end' as const };
    }),
  ];
  for (const { line, label, end, anchor } of rules) {
    const pieces = clipLine(line, frame);
    if (pieces.length === 0) continue;
    marks.push({ kind: 'path', lines: pieces, stroke });
    marks.push(...placer.at(end, label, { anchor, fill: theme.ink, halo }));
  }
  return marks.length === 0 ? [] : [group('rules', marks)];
}

/** A line of text above a panel. */
export const panelTitle = (markup: string, frame: Frame, theme: Theme): Mark =>
  text(markup, frame.x, frame.y - theme.size * 0.4, 'start', theme);
