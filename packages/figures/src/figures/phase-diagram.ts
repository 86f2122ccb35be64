/** The phase diagram over (sigma_w^2, sigma_b^2): chi_1, q* or c* in colour, the critical line, contours of the depth scales. */
import type { Activation } from '@tessera/spec';
import { criticalWeightVariance, type MeanField, meanField } from '@tessera/theory';
import { contours } from 'd3-contour';
import { axisMargins, axisMarks, ticksFor } from '../draw/axes.js';
import { cellMarks } from '../draw/cell-map.js';
import { blueOrange, cividis, viridis } from '../draw/color-map.js';
import { type ColorScale, colorBar, colorOf, valueRange } from '../draw/color-scale.js';
import { clipLine, haloLine, LabelPlacer } from '../draw/line-labels.js';
import { mapHeader, phaseNames } from '../draw/map-panel.js';
import { numberMarkup } from '../draw/number-markup.js';
import { cellScale, linearScale, type Scale } from '../draw/scale.js';
import { type Frame, group, type Mark, type Point } from '../draw/scene.js';
import { type Theme, themes } from '../draw/theme.js';
import { activationText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';

export type PhaseQuantity = 'chi1' | 'qStar' | 'cStar' | 'xi1' | 'xiStar';

export interface PhaseDiagramData {
  activation: Activation;
  weightRange: readonly [number, number];
  biasRange: readonly [number, number];
  /** What the colours say; default chi_1, white at 1. */
  quantity?: PhaseQuantity | undefined;
  /** An experiment's grid, as points. */
  points?: readonly { weightVariance: number; biasVariance: number }[] | undefined;
  /** Columns and rows of the map; default 96 x 64, less where theory is costly (tanh). */
  resolution?: readonly [number, number] | undefined;
}

const symbols: Record<PhaseQuantity, string> = {
  chi1: 'χ_1',
  qStar: 'q*',
  cStar: 'c*',
  xi1: 'ξ_1',
  xiStar: 'ξ_*',
};
const columnNames: Record<PhaseQuantity, string> = {
  chi1: 'chi_1',
  qStar: 'q_star',
  cStar: 'c_star',
  xi1: 'xi_1',
  xiStar: 'xi_star',
};
/** Layers at which a contour of a depth scale is drawn. */
const levels = [3, 10, 30];

export function phaseDiagram(data: PhaseDiagramData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { activation, weightRange, biasRange, quantity = 'chi1', points = [] } = data;
  const [columns, rows] = data.resolution ?? (activation.name === 'tanh' ? [36, 24] : [96, 64]);
  const weights = cellCentres(weightRange, columns);
  const biases = cellCentres(biasRange, rows);
  const fields = biases.map((bias) => weights.map((weight) => meanField(activation, weight, bias)));
  const values = fields.map((row) => row.map((field) => finite(field[quantity])));
  const colors = colorsOf(quantity, values);

  const height = options.height ?? Math.min(options.width * 0.72, 640) + theme.size * 3;
  const header = mapHeader(theme);
  const draft = linearScale(biasRange, [height, header]);
  const margins = axisMargins(ticksFor(draft, theme, 'y'), theme);
  const frame: Frame = {
    x: margins.left,
    y: header,
    width: options.width - margins.left - theme.size * 0.8,
    height: height - header - margins.bottom,
  };
  const x = linearScale(weightRange, [frame.x, frame.x + frame.width]);
  const y = linearScale(biasRange, [frame.y + frame.height, frame.y]);
  const cells = cellMarks(
    frame,
    { x: cellScale(weights, x.range), y: cellScale(biases, y.range) },
    { values, color: colors === null ? () => '#000000' : colorOf(colors), isSmooth: true },
    theme,
  );
  const axes = axisMarks(frame, { x, y }, { x: 'weight variance σ_w^2', y: 'bias variance σ_b^2' }, theme);
  const bar = { left: frame.x, right: frame.x + frame.width, y: theme.size };
  const marks: Mark[] = [
    ...(colors === null ? [] : [colorBar(colors, symbols[quantity], bar, theme)]),
    ...cells,
    ...theoryMarks({ activation, fields, biasRange, x, y, frame, theme }),
    ...pointMarks(points, { x, y }, frame, theme),
    ...phaseNames(frame, x, phasesAlongTop(activation, weightRange, biasRange[1]), theme),
    ...axes.above,
  ];
  const shown = points.length > 0 ? ' Points: the grid of the experiment.' : '';
  return {
    marks,
    height,
    caption: `Phase diagram of ${activationText(activation)}: ${symbols[quantity].replace('_1', '₁')} in colour${quantity === 'chi1' ? ', white at χ_1 = 1' : ''}; the critical line χ_1 = 1 (dotted) between the ordered phase (left) and the chaotic (right); contours of the depth scales ξ_1 (solid) and ξ_* (dashed) at ${levels.join(', ')} layers. Hatched: no finite positive q*, or no such number in this phase.${shown}`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
        { name: 'phase', symbol: 'phase', unit: '' },
        ...(['chi1', 'qStar', 'cStar', 'xi1', 'xiStar'] as const).map((key) => ({
          name: columnNames[key],
          symbol: symbols[key],
          unit: key.startsWith('xi') ? 'layers' : '',
        })),
      ],
      rows: fields.flatMap((row, r) =>
        row.map((field, c) => [
          weights[c] as number,
          biases[r] as number,
          field.phase,
          ...[field.chi1, field.qStar, field.cStar, field.xi1, field.xiStar],
        ]),
      ),
    },
    panels: [{ name: 'phase-diagram', frame, x, y }],
  };
}

/** What lies along the top of the map: where the critical line leaves it, or the one phase there is. */
function phasesAlongTop(activation: Activation, [low, high]: readonly [number, number], bias: number) {
  const critical = criticalWeightVariance(activation, bias);
  const { phase } = meanField(activation, (low + high) / 2, bias);
  return {
    critical: critical !== null && critical > low && critical < high ? critical : null,
    xi1: phase === 'ordered' ? [phase] : [],
    xiStar: phase === 'chaotic' ? [phase] : [],
  };
}

const cellCentres = ([low, high]: readonly [number, number], count: number) =>
  Array.from({ length: count }, (_, i) => low + ((i + 0.5) / count) * (high - low));

const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);

function colorsOf(
  quantity: PhaseQuantity,
  values: readonly (readonly (number | null)[])[],
): ColorScale | null {
  const range = valueRange(values);
  if (range === null) return null;
  const label = (value: number) => numberMarkup(value, 2);
  if (quantity === 'chi1') {
    const reach = Math.max(1 - range[0], range[1] - 1, 0.05);
    return {
      low: 1 - Math.min(1, reach),
      high: 1 + Math.min(1, reach),
      map: blueOrange,
      isLog: false,
      label,
    };
  }
  if (quantity === 'xi1' || quantity === 'xiStar') {
    return {
      low: Math.max(0.1, range[0]),
      high: Math.min(1000, Math.max(range[1], 1)),
      map: cividis,
      isLog: true,
      label,
    };
  }
  const [low, high] = range;
  const isLog = quantity === 'qStar' && low > 0 && high / low > 30;
  return { low, high, map: viridis, isLog, label };
}

interface TheoryPlace {
  activation: Activation;
  fields: readonly (readonly MeanField[])[];
  biasRange: readonly [number, number];
  x: Scale;
  y: Scale;
  frame: Frame;
  theme: Theme;
}

function theoryMarks(place: TheoryPlace): Mark[] {
  const { activation, fields, biasRange, x, y, frame, theme } = place;
  const { line, halo } = theme.overMap;
  const width = theme.lineWidth;
  const placer = new LabelPlacer(frame, theme);
  const named: { end: Point; markup: string; anchor: 'start' | 'middle' | 'end' }[] = [];
  const marks: Mark[] = [];
  const draw = (
    name: string,
    points: readonly Point[],
    dash: readonly number[] | undefined,
    markup: string,
  ) => {
    const pieces = clipLine(points, frame);
    if (pieces.length === 0) return;
    for (const piece of pieces) placer.avoid(piece);
    marks.push(
      group(
        name,
        pieces.flatMap((piece) => haloLine(piece, { color: line, width, dash }, halo)),
      ),
    );
    // Towards the top, where the lines lie apart.
    const all = pieces.flat();
    const end = all.reduce((top, point) => (point[1] < top[1] ? point : top));
    if (markup !== '')
      named.push({ end: [end[0] - theme.size * 0.3, end[1] + theme.size * 1.6], markup, anchor: 'end' });
  };

  const steps = 80;
  const critical = Array.from({ length: steps + 1 }, (_, i): Point => {
    const bias = biasRange[0] + (i / steps) * (biasRange[1] - biasRange[0]);
    const weight = criticalWeightVariance(activation, bias);
    return [weight === null ? Number.NaN : x.position(weight), y.position(bias)];
  });
  draw('critical', critical, [width, width * 2], '');

  const field = (value: (field: MeanField) => number | null) =>
    fields.flatMap((row) => row.map((one) => value(one) ?? Number.NaN));
  // In these fields a level of xi is a level of what it is the logarithm of, smooth across the critical line.
  const ordered = field(({ chi1 }) => chi1);
  const chaotic = field(({ chi1, chiC, phase }) =>
    chi1 === null || chiC === null ? null : phase === 'chaotic' ? chiC / chi1 : 1,
  );
  for (const level of levels) {
    const rate = Math.exp(-1 / level);
    for (const [name, data, dash, symbol] of [
      ['xi1', ordered, undefined, 'ξ_1'],
      ['xi-star', chaotic, [width * 4, width * 2.2], 'ξ_*'],
    ] as const) {
      const lines = isolines(data, fields, rate, frame);
      const longest = lines.reduce<Point[]>((most, one) => (one.length > most.length ? one : most), []);
      for (const one of lines)
        draw(
          `${name}-${level}`,
          one,
          dash,
          one === longest ? (level === levels[0] ? `${symbol} = ${level}` : `${level}`) : '',
        );
    }
  }
  const labels = named.flatMap(({ end, markup, anchor }) =>
    placer.at(end, markup, { anchor, fill: line, halo }),
  );
  return [group('theory', marks, frame), group('labels', labels)];
}

/** The lines on which a field over the cells has a level, in the figure's coordinates; the map's border is none. */
function isolines(
  data: readonly number[],
  fields: readonly (readonly unknown[])[],
  level: number,
  { x, y, width, height }: Frame,
): Point[][] {
  const rows = fields.length;
  const columns = fields[0]?.length ?? 0;
  const [area] = contours().size([columns, rows]).thresholds([level])([...data]);
  const lines: Point[][] = [];
  const isBorder = ([px, py]: Point, [qx, qy]: Point) =>
    [0.5, columns - 0.5].some((edge) => Math.abs(px - edge) < 0.51 && Math.abs(qx - edge) < 0.51) ||
    [0.5, rows - 0.5].some((edge) => Math.abs(py - edge) < 0.51 && Math.abs(qy - edge) < 0.51);
  for (const polygon of area?.coordinates ?? []) {
    for (const ring of polygon as [number, number][][]) {
      let line: Point[] = [];
      for (let i = 0; i + 1 < ring.length; i++) {
        const [from, to] = [ring[i] as [number, number], ring[i + 1] as [number, number]];
        if (isBorder(from, to)) {
          if (line.length > 1) lines.push(line);
          line = [];
          continue;
        }
        if (line.length === 0) line.push(from);
        line.push(to);
      }
      if (line.length > 1) lines.push(line);
    }
  }
  return lines.map((line) =>
    line.map(([px, py]): Point => [x + (px / columns) * width, y + height - (py / rows) * height]),
  );
}

function pointMarks(
  points: readonly { weightVariance: number; biasVariance: number }[],
  { x, y }: { x: Scale; y: Scale },
  frame: Frame,
  theme: Theme,
): Mark[] {
  const { line, halo } = theme.overMap;
  const radius = theme.pointRadius * (points.length > 60 ? 0.8 : 1.7);
  const marks = points.flatMap(({ weightVariance, biasVariance }): Mark[] => {
    const [cx, cy] = [x.position(weightVariance), y.position(biasVariance)];
    if (cx < frame.x || cx > frame.x + frame.width || cy < frame.y || cy > frame.y + frame.height) return [];
    return [
      { kind: 'circle', x: cx, y: cy, radius, fill: line, stroke: { color: halo, width: theme.axisWidth } },
    ];
  });
  return marks.length === 0 ? [] : [group('points', marks)];
}
