/** The correlation map C(c): its cobweb and fixed points, and how fast correlations reach c*. */
import type { Activation } from '@tessera/spec';
import { correlationIterates, dual, meanField } from '@tessera/theory';
import { panelBoxes } from '../draw/layout.js';
import { type LinePanel, linePanel, type Series } from '../draw/line-panel.js';
import { numberMarkup } from '../draw/number-markup.js';
import { type Theme, themes } from '../draw/theme.js';
import { activationText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';

export interface CorrelationMapData {
  activation: Activation;
  /** At most three; those without a finite positive q* are left out. */
  points: readonly { weightVariance: number; biasVariance: number }[];
  /** c_0; default 1/2. */
  start?: number | undefined;
  /** Layers of the decay; default 100. */
  layers?: number | undefined;
}

const cobwebLayers = 40;

export function correlationMap(data: CorrelationMapData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { activation, start = 0.5, layers = 100 } = data;
  const runs = data.points.slice(0, 3).flatMap((point) => {
    const field = meanField(activation, point.weightVariance, point.biasVariance);
    const { qStar, cStar, chiC } = field;
    if (qStar === null || cStar === null || chiC === null) return [];
    const iterates = correlationIterates(dual(activation), point.weightVariance, qStar, start, layers);
    return [{ ...point, qStar, cStar, chiC, phase: field.phase, iterates }];
  });
  const panels: LinePanel[] = [
    ...runs.map((run, i) => cobwebPanel(activation, run, theme, i)),
    ...(runs.length > 0 ? [decayPanel(runs, theme)] : []),
  ];
  const { boxes, height } = panelBoxes(panels.length, options, theme, (width) => Math.min(width * 0.85, 520));
  const drawn = panels.map((panel, i) => linePanel(boxes[i] as (typeof boxes)[number], panel, theme));
  const places = runs.map(
    ({ weightVariance, biasVariance, phase, cStar }) =>
      `(σ_w², σ_b²) = (${numberMarkup(weightVariance)}, ${numberMarkup(biasVariance)}) ${phase}, c* = ${numberMarkup(cStar)}`,
  );
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height: panels.length === 0 ? theme.size * 3 : height,
    caption: `The correlation map C(c) of ${activationText(activation)} at q*, its iteration from c_0 = ${start} and its fixed points (dots), and |c_ℓ − c*| against χ_c*^ℓ (dashed), where χ_c* = C′(c*): ${places.join('; ')}.`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
        { name: 'depth', symbol: 'ℓ', unit: 'layers' },
        { name: 'correlation', symbol: 'c_ℓ', unit: '' },
        { name: 'distance', symbol: '|c_ℓ − c*|', unit: '' },
        { name: 'distance_theory', symbol: 'χ_{c*}^ℓ, through the last point', unit: '' },
      ],
      rows: runs.flatMap((run) => {
        const theory = theoryDecay(run);
        return run.iterates.map((c, depth) => [
          run.weightVariance,
          run.biasVariance,
          depth,
          c,
          Math.abs(c - run.cStar),
          theory[depth]?.[1] ?? null,
        ]);
      }),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}

interface Run {
  weightVariance: number;
  biasVariance: number;
  qStar: number;
  cStar: number;
  chiC: number;
  iterates: readonly number[];
}

function cobwebPanel(activation: Activation, run: Run, theme: Theme, index: number): LinePanel {
  const { weightVariance, qStar, cStar, iterates } = run;
  const phi = dual(activation);
  const map = (c: number) => correlationIterates(phi, weightVariance, qStar, c, 1)[1] as number;
  const lowest = Math.min(0, ...iterates);
  const curve = Array.from({ length: 101 }, (_, i): [number, number] => {
    const c = lowest + (i / 100) * (1 - lowest);
    return [c, map(c)];
  });
  const stairs: [number, number][] = [[iterates[0] as number, lowest]];
  for (let layer = 0; layer < Math.min(cobwebLayers, iterates.length - 1); layer++) {
    const [c, next] = [iterates[layer] as number, iterates[layer + 1] as number];
    stairs.push([c, next], [next, next]);
  }
  const color = theme.series[index] as string;
  const fixed = [...new Set([cStar, 1])].map((c): [number, number] => [c, c]);
  const series: Series[] = [
    { name: 'cobweb', label: '', points: stairs, color, dots: 'none' },
    {
      name: 'diagonal',
      label: '',
      points: [
        [lowest, lowest],
        [1, 1],
      ],
      color: theme.faint,
      dots: 'none',
      dash: [theme.lineWidth * 2, theme.lineWidth * 2],
    },
    { name: 'map', label: 'C(c)', points: curve, color: theme.theory, isTheory: true, labelAt: 'start' },
    {
      name: 'fixed-points',
      label: '',
      points: fixed.flatMap(([x, y]): [number, number | null][] => [
        [x, y],
        [x, null],
      ]),
      color: theme.ink,
    },
  ];
  return {
    name: `cobweb-${index}`,
    series,
    x: { kind: 'linear', title: `c_{ℓ}, at σ_w^2 = ${numberMarkup(weightVariance)}`, domain: [lowest, 1] },
    y: { kind: 'linear', title: 'c_{ℓ+1}', domain: [lowest, 1.02] },
    verticals: cStar < 0.995 ? [{ at: cStar, label: 'c*' }] : [],
  };
}

function decayPanel(runs: readonly Run[], theme: Theme): LinePanel {
  const distance = (run: Run) =>
    run.iterates.map((c, depth): [number, number | null] => {
      const value = Math.abs(c - run.cStar);
      // Below this, c* itself is rounded.
      return [depth, value > 1e-13 ? value : null];
    });
  const series = runs.flatMap((run, i): Series[] => [
    {
      name: `decay-${i}`,
      label: `σ_w^2 = ${numberMarkup(run.weightVariance)}`,
      points: distance(run),
      color: theme.series[i] as string,
    },
    {
      name: `decay-theory-${i}`,
      label: '',
      points: theoryDecay(run),
      color: theme.theory,
      dash: [theme.lineWidth * 3, theme.lineWidth * 2],
      isTheory: true,
    },
  ]);
  return {
    name: 'decay',
    series,
    x: { kind: 'linear', title: 'depth ℓ' },
    y: { kind: 'log', title: '|c_ℓ − c*|' },
  };
}

/** chi_c*^l through the last distance that is above rounding. */
function theoryDecay({ iterates, cStar, chiC }: Run): [number, number | null][] {
  const distances = iterates.map((c) => Math.abs(c - cStar));
  const last = distances.findLastIndex((value) => value > 1e-11);
  if (last < 0 || !(chiC > 0 && chiC < 1)) return [];
  return distances.map((_, depth) => [depth, (distances[last] as number) * chiC ** (depth - last)]);
}
