/** A map over (sigma_w^2, depth) with the curves of theory over it: the figure people come for. */

import type { PlotPanel } from '../figure.js';
import type { DepthScaleCurves } from '../theory-curves.js';
import { axisMargins, axisMarks, text, ticksFor } from './axes.js';
import { cellMarks } from './cell-map.js';
import { type ColorScale, colorBar, colorOf } from './color-scale.js';
import { clipLine, haloLine, LabelPlacer } from './line-labels.js';
import { textWidth } from './rich-text.js';
import { bandScale, cellScale, type Scale } from './scale.js';
import { type Frame, group, type Mark, type Point } from './scene.js';
import type { Theme } from './theme.js';

export interface DepthMap {
  name: string;
  /** Names the colours: `test accuracy`. */
  title: string;
  weightVariances: readonly number[];
  depths: readonly number[];
  /** values[depth][weightVariance]; null where there is no number (yet). */
  values: readonly (readonly (number | null)[])[];
  /** Null where no number is there. */
  colors: ColorScale | null;
  curves: DepthScaleCurves | null;
}

/** Room above a map: the colour bar's line and the phases' line. */
export const mapHeader = (theme: Theme) => theme.size * 3.1;

/** Draws the map into a box, axes and header included. */
export function mapPanel(
  box: Frame,
  map: DepthMap,
  theme: Theme,
  options: { hideY?: boolean; hideX?: boolean } = {},
): { marks: Mark[]; panel: PlotPanel } {
  const draft = bandScale(map.depths, [box.y + box.height, box.y]);
  const margins = axisMargins(ticksFor(draft, theme, 'y'), theme);
  const header = mapHeader(theme);
  const left = options.hideY ? theme.size * 0.5 : margins.left;
  const bottom = options.hideX ? theme.size : margins.bottom;
  const frame: Frame = {
    x: box.x + left,
    y: box.y + header,
    width: box.width - left - theme.size * 0.7,
    height: box.height - header - bottom,
  };
  const x = cellScale(map.weightVariances, [frame.x, frame.x + frame.width]);
  const y = bandScale(map.depths, [frame.y + frame.height, frame.y]);
  const { colors, values } = map;
  const cells = cellMarks(
    frame,
    { x, y },
    { values, color: colors === null ? () => '#000000' : colorOf(colors) },
    theme,
  );
  const axes = axisMarks(frame, { x, y }, { x: 'weight variance σ_w^2', y: 'depth ℓ' }, theme, options);
  const bar = { left: frame.x, right: frame.x + frame.width, y: box.y + theme.size };
  const marks: Mark[] = [
    group(`panel ${map.name}`, [
      colors === null
        ? text(`${map.title}: no number yet`, bar.left, bar.y, 'start', theme)
        : colorBar(colors, map.title, bar, theme),
      ...cells,
      ...(map.curves === null ? [] : theoryOverMap(frame, { x, y }, map.curves, theme)),
      ...axes.above,
    ]),
  ];
  return { marks, panel: { name: map.name, frame, x, y, values } };
}

/** 8 xi_1 solid, 8 xi_* dashed, the critical line dotted; named at their ends, the phases above the frame. */
export function theoryOverMap(
  frame: Frame,
  scales: { x: Scale; y: Scale },
  curves: DepthScaleCurves,
  theme: Theme,
): Mark[] {
  const { line, halo } = theme.overMap;
  const width = theme.lineWidth;
  const labels = new LabelPlacer(frame, theme);
  const pointOf = ([weight, depth]: readonly [number, number]): Point => [
    scales.x.position(weight),
    scales.y.position(depth),
  ];
  const marks: Mark[] = [];
  const ends: { end: Point; anchor: 'start' | 'end'; markup: string }[] = [];
  if (curves.critical !== null) {
    const at = scales.x.position(curves.critical);
    const vertical: Point[] = [
      [at, frame.y],
      [at, frame.y + frame.height],
    ];
    const dash = [width, width * 2];
    labels.avoid(vertical);
    marks.push(group('critical', haloLine(vertical, { color: line, width, dash }, halo)));
  }
  for (const [name, points, dash, markup] of [
    ['xi1', curves.xi1, undefined, '8 ξ_1'],
    ['xi-star', curves.xiStar, [width * 4, width * 2.2], '8 ξ_*'],
  ] as const) {
    const pieces = clipLine(points.map(pointOf), frame);
    if (pieces.length === 0) continue;
    for (const piece of pieces) labels.avoid(piece);
    const drawn = pieces.flatMap((piece) => haloLine(piece, { color: line, width, dash }, halo));
    marks.push(group(name, drawn));
    const isOrdered = name === 'xi1';
    const end = (isOrdered ? pieces[0]?.[0] : pieces.at(-1)?.at(-1)) as Point;
    // On the side of the curve that points away from the critical line.
    const anchor = isOrdered ? 'start' : 'end';
    ends.push({ end, anchor, markup });
  }
  const named = ends.flatMap(({ end, anchor, markup }) =>
    labels.at(end, markup, { anchor, fill: line, halo }),
  );
  return [
    group('theory', marks, frame),
    group('labels', named),
    ...phaseNames(frame, scales.x, curves, theme),
  ];
}

/** `ordered`, `χ_1 = 1` and `chaotic` above the frame, each where it has room. */
export function phaseNames(
  frame: Frame,
  x: Scale,
  curves: { critical: number | null; xi1: readonly unknown[]; xiStar: readonly unknown[] },
  theme: Theme,
): Mark[] {
  const { size } = theme;
  const y = frame.y - size * 0.5;
  const end = frame.x + frame.width;
  const name = (markup: string, from: number, to: number): Mark[] =>
    textWidth(markup) * size + size <= to - from
      ? [text(markup, (from + to) / 2, y, 'middle', theme, theme.faint)]
      : [];
  if (curves.critical === null) {
    const phase = curves.xi1.length > 0 ? 'ordered' : curves.xiStar.length > 0 ? 'chaotic' : '';
    return phase === '' ? [] : [group('phases', name(phase, frame.x, end))];
  }
  const at = x.position(curves.critical);
  const half = (textWidth('χ_1 = 1') * size) / 2;
  const middle = Math.min(Math.max(at, frame.x + half), end - half);
  return [
    group('phases', [
      ...name('ordered', frame.x, middle - half),
      text('χ_1 = 1', middle, y, 'middle', theme),
      ...name('chaotic', middle + half, end),
    ]),
  ];
}
