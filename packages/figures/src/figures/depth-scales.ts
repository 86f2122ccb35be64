/** The depth scales xi_1, xi_* and xi_c* against sigma_w^2, which diverge at the critical line. */
import type { Activation } from '@tessera/spec';
import { criticalWeightVariance, meanField } from '@tessera/theory';
import { panelBoxes } from '../draw/layout.js';
import { linePanel, type Series } from '../draw/line-panel.js';
import { numberMarkup } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { activationText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';

export interface DepthScalesData {
  activation: Activation;
  /** At most four. */
  biasVariances: readonly number[];
  weightRange: readonly [number, number];
  /** An experiment's values, marked on the curves. */
  weightVariances?: readonly number[] | undefined;
}

const samples = 240;

export function depthScales(data: DepthScalesData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { activation, weightRange } = data;
  const [low, high] = weightRange;
  const biases = data.biasVariances.slice(0, 4);
  const weights = weightsBetween(activation, biases, [low, high]);
  const curves = biases.map((bias) =>
    weights.map((weight) => ({ weight, field: meanField(activation, weight, bias) })),
  );
  const series = curves.flatMap((points, i): Series[] => {
    const color = theme.series[i] as string;
    const bias = biases.length > 1 ? `, σ_b^2 = ${numberMarkup(biases[i] as number)}` : '';
    const line = (pick: (field: (typeof points)[number]['field']) => number | null) =>
      points.map(({ weight, field }): [number, number | null] => [weight, pick(field)]);
    return [
      {
        name: `xi1-${i}`,
        label: `ξ_1${bias}`,
        points: line((f) => f.xi1),
        color,
        dots: 'none',
        labelAt: 'start',
      },
      {
        name: `xi-star-${i}`,
        label: `ξ_*${bias}`,
        points: line((f) => f.xiStar),
        color,
        dots: 'none',
        dash: [theme.lineWidth * 4, theme.lineWidth * 2.2],
      },
    ];
  });
  if (biases.length === 1) {
    series.push({
      name: 'xi-c',
      label: 'ξ_{c*}',
      points: (curves[0] ?? []).map(({ weight, field }) => [
        weight,
        field.phase === 'chaotic' ? field.xiC : null,
      ]),
      color: theme.series[2] as string,
      dots: 'none',
      dash: [theme.lineWidth, theme.lineWidth * 2],
    });
  }
  const marked = (data.weightVariances ?? []).filter((weight) => weight >= low && weight <= high);
  const dots = marked.map((weight): [number, number | null] => {
    const field = meanField(activation, weight, biases[0] as number);
    return [weight, field.xi1 ?? field.xiStar];
  });
  if (dots.length > 0 && dots.length <= 60) {
    // Points alone: the line between them is the theory's.
    const points = dots.flatMap(([x, y]): [number, number | null][] => [
      [x, y],
      [x, null],
    ]);
    series.push({ name: 'grid', label: '', points, color: theme.ink });
  }
  const critical = biases.flatMap((bias) => {
    const at = criticalWeightVariance(activation, bias);
    return at !== null && at > low && at < high ? [{ at, label: 'χ_1 = 1' }] : [];
  });
  const { boxes, height } = panelBoxes(1, options, theme, (width) => Math.min(width * 0.62, 520));
  const { marks, panel } = linePanel(
    boxes[0] as (typeof boxes)[number],
    {
      name: 'depth-scales',
      series,
      x: { kind: 'linear', title: 'weight variance σ_w^2', domain: weightRange },
      y: { kind: 'log', title: 'depth scale ξ [layers]', domain: scaleDomain(series) },
      verticals: critical.map(({ at, label }, i) => ({ at, label: i === 0 ? label : '' })),
    },
    theme,
  );
  return {
    marks,
    height,
    caption: `Depth scales of mean-field theory, ${activationText(activation)}, σ_b² = ${biases.join(', ')}: ξ_1 = −1/ln χ_1 of the ordered phase (solid), ξ_* = −1/(ln χ_c* − ln χ_1) of the chaotic phase (dashed)${biases.length === 1 ? ', ξ_c* = −1/ln χ_c* (dotted curve)' : ''}; all diverge at χ_1 = 1 (dotted).${dots.length > 0 ? ' Points: the grid of the experiment.' : ''}`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
        { name: 'xi_1', symbol: 'ξ_1', unit: 'layers' },
        { name: 'xi_star', symbol: 'ξ_*', unit: 'layers' },
        { name: 'xi_c', symbol: 'ξ_{c*}', unit: 'layers' },
      ],
      rows: curves.flatMap((points, i) =>
        points.map(({ weight, field }) => [weight, biases[i] as number, field.xi1, field.xiStar, field.xiC]),
      ),
    },
    panels: [panel],
  };
}

/** Evenly, and closer and closer to each critical line. */
function weightsBetween(
  activation: Activation,
  biases: readonly number[],
  [low, high]: readonly [number, number],
): number[] {
  const weights = Array.from({ length: samples }, (_, i) => low + (i / (samples - 1)) * (high - low));
  for (const bias of biases) {
    const critical = criticalWeightVariance(activation, bias);
    if (critical === null) continue;
    for (let near = (high - low) / 64; near > (high - low) * 1e-5; near /= 1.6)
      weights.push(critical - near, critical + near);
  }
  return weights.filter((weight) => weight >= low && weight <= high).sort((a, b) => a - b);
}

/** From the smallest scale to a few hundred layers: the divergence itself goes on without end. */
function scaleDomain(series: readonly Series[]): [number, number] {
  const values = series.flatMap(({ points }) => points.flatMap(([, y]) => (y !== null && y > 0 ? [y] : [])));
  const low = Math.min(1, ...values.filter((value) => value > 0.05));
  return [Math.max(0.05, low * 0.8), 500];
}
