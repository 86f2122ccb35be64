/** Numbers against depth at a few weight variances, with the rates of Table 1: spectra and the mean predictor. */
import type { AnalysisRow } from '@tessera/spec';
import { panelBoxes } from '../draw/layout.js';
import { type LinePanel, linePanel, type Series } from '../draw/line-panel.js';
import { numberMarkup } from '../draw/number-markup.js';
import { type Theme, themes } from '../draw/theme.js';
import { type FigureExperiment, kernelSymbol, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { type GridChoice, type ResultGrid, resultGrid } from '../result-grid.js';
import type { TableCell } from '../table.js';
import { againstDepth, type RateQuantity, rateCurve } from '../theory-rates.js';
import { paddingText } from './accuracy-map.js';

export interface DepthSeriesData extends GridChoice {
  experiment: FigureExperiment;
  rows: readonly AnalysisRow[];
  /** Of the grid; default: up to three, one in each phase. */
  weightVariances?: readonly number[] | undefined;
}

interface Quantity {
  name: string;
  /** As markup, of the kernel's symbol. */
  symbol: string;
  value(row: AnalysisRow): number | null;
  /** Which row of Table 1; null where it has none. */
  rate: RateQuantity | null;
}

const spectrumQuantities: Quantity[] = [
  { name: 'kappa', symbol: 'κ', value: (row) => row.kappa, rate: 'kappa' },
  { name: 'lambda_max', symbol: 'λ_{max}', value: (row) => row.lambdaMax, rate: 'lambdaMax' },
  { name: 'lambda_bulk', symbol: 'λ_{bulk}', value: (row) => row.lambdaBulk, rate: 'lambdaBulk' },
  { name: 'lambda_min', symbol: 'λ_{min}', value: (row) => row.lambdaMin, rate: null },
];
const predictorQuantities: Quantity[] = [
  {
    name: 'mean_predictor_norm',
    symbol: '|P(Θ)Y|',
    value: (row) => row.meanPredictorNorm,
    rate: 'meanPredictor',
  },
];

/** kappa, lambda_max, lambda_bulk and lambda_min against depth. */
export function spectrumDepth(data: DepthSeriesData, options: FigureOptions): Drawing {
  const drawing = depthSeries(data, options, spectrumQuantities);
  return {
    ...drawing,
    caption: `Spectrum against depth: κ = λ_max/λ_bulk and the eigenvalues it is made of. ${drawing.caption}`,
  };
}

/** The norm of the mean predictor P(Theta) Y against depth. */
export function meanPredictor(data: DepthSeriesData, options: FigureOptions): Drawing {
  const { kernel } = resultGrid(data.experiment.spec, data.rows, data);
  const quantities = predictorQuantities.map((one) => ({ ...one, symbol: `|P(${kernelSymbol(kernel)})Y|` }));
  const drawing = depthSeries(data, options, quantities);
  return {
    ...drawing,
    caption: `Size of the mean predictor P(Θ)Y on the test images against depth: where it vanishes, a network does not generalize. ${drawing.caption}`,
  };
}

function depthSeries(
  data: DepthSeriesData,
  options: FigureOptions,
  quantities: readonly Quantity[],
): Drawing {
  const theme = themes[options.theme];
  const { experiment } = data;
  const grid = resultGrid(experiment.spec, data.rows, data);
  const weights = data.weightVariances ?? representativeWeights(grid);
  const panels = quantities.map((quantity) => quantityPanel(quantity, data.experiment, grid, weights, theme));
  const { boxes, height } = panelBoxes(panels.length, options, theme, (width) => Math.min(width * 0.72, 520));
  const drawn = panels.map((panel, i) => linePanel(boxes[i] as (typeof boxes)[number], panel.panel, theme));
  const isFitted = panels.some((panel) => panel.isFitted);
  const isFlagged = panels.some((panel) => panel.isFlagged);
  const fitted = isFitted
    ? ', dashed where the table gives an order only and its constant is fitted to the deepest third of the points'
    : '';
  const hollow = isFlagged ? ' Hollow points: below their error bound.' : '';
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height,
    caption:
      `${sourceText(experiment, { kernel: grid.kernel, biasVariance: grid.biasVariance })} ` +
      `Dark lines: the asymptotics of Table 1 (Xiao, Pennington, Schoenholz 2020)${fitted}.${hollow}${paddingText(experiment)}`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'depth', symbol: 'ℓ', unit: 'layers' },
        ...quantities.flatMap(({ name, symbol, rate }) => [
          { name, symbol, unit: '' },
          ...(rate === null ? [] : [{ name: `${name}_theory`, symbol: `${symbol}, theory`, unit: '' }]),
        ]),
        { name: 'status', symbol: 'status', unit: '' },
      ],
      rows: weights.flatMap((weight) => {
        const at = { weightVariance: weight, biasVariance: grid.biasVariance };
        const rows = grid.depths.map((depth) => grid.at(weight, depth));
        const theories = quantities.map(({ rate, value }) =>
          rate === null ? null : rateCurve(experiment, grid.kernel, rate, at, againstDepth(rows, value)),
        );
        return grid.depths.map((depth, i): TableCell[] => {
          const row = rows[i] ?? null;
          const cells = quantities.flatMap(({ value, rate }, q) => {
            const theory = theories[q]?.points.find(([at]) => at === depth)?.[1] ?? null;
            return [row === null ? null : value(row), ...(rate === null ? [] : [theory])];
          });
          return [weight, depth, ...cells, row?.status ?? ''];
        });
      }),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}

function quantityPanel(
  quantity: Quantity,
  experiment: FigureExperiment,
  grid: ResultGrid,
  weights: readonly number[],
  theme: Theme,
): { panel: LinePanel; isFitted: boolean; isFlagged: boolean } {
  const data: Series[] = [];
  const theory: Series[] = [];
  let isFitted = false;
  let isFlagged = false;
  weights.forEach((weight, i) => {
    const rows = grid.depths.map((depth) => grid.at(weight, depth));
    const points = againstDepth(rows, quantity.value);
    const color = theme.series[i % theme.series.length] as string;
    const hollow = rows.flatMap((row) => (row === null ? [] : [row.status === 'ill-conditioned']));
    isFlagged ||= hollow.some((flag, p) => flag && points[p]?.[1] !== null);
    data.push({ name: `series-${i}`, label: `σ_w^2 = ${numberMarkup(weight)}`, points, color, hollow });
    if (quantity.rate === null) return;
    const at = { weightVariance: weight, biasVariance: grid.biasVariance };
    const curve = rateCurve(experiment, grid.kernel, quantity.rate, at, points);
    if (curve === null) return;
    isFitted ||= curve.isFitted;
    theory.push({
      name: `theory-${i}`,
      label: '',
      points: curve.points,
      color: theme.theory,
      dash: curve.isFitted ? [theme.lineWidth * 3, theme.lineWidth * 2] : undefined,
      isTheory: true,
    });
  });
  return {
    panel: {
      name: quantity.name,
      series: [...data, ...theory],
      x: { kind: 'linear', title: 'depth ℓ' },
      y: { kind: 'log', title: quantity.symbol },
    },
    isFitted,
    isFlagged,
  };
}

/** One weight variance in the middle of each phase that the grid has. */
export function representativeWeights(grid: ResultGrid): number[] {
  if (grid.weightVariances.length <= 3) return grid.weightVariances;
  const phases = new Map<string, number[]>();
  for (const weight of grid.weightVariances) {
    const row = grid.depths.map((depth) => grid.at(weight, depth)).find((found) => found !== null);
    if (row) phases.set(row.phase, [...(phases.get(row.phase) ?? []), weight]);
  }
  const picked = [...phases.values()].map((list) => list[Math.floor(list.length / 2)] as number);
  return picked.length > 0 ? picked.slice(0, 3).sort((a, b) => a - b) : grid.weightVariances.slice(0, 1);
}
