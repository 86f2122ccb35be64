/** Two to eight experiments on the same axes, and the difference of two. */
import type { AnalysisRow, KernelName } from '@tessera/spec';
import { blueOrange, cividis } from '../draw/color-map.js';
import { type ColorScale, valueRange } from '../draw/color-scale.js';
import { panelBoxes } from '../draw/layout.js';
import { linePanel, type Series } from '../draw/line-panel.js';
import { mapPanel } from '../draw/map-panel.js';
import { numberMarkup, percentMarkup } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { architectureText, dataText, type FigureExperiment } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { gridValues, type ResultGrid, resultGrid } from '../result-grid.js';
import { curvesOf, curvesText, defaultScore, type ScoreAt, scoreColors, scoreOf } from './accuracy-map.js';

export type ComparedQuantity =
  | 'test_accuracy'
  | 'train_accuracy'
  | 'test_loss'
  | 'train_loss'
  | 'kappa'
  | 'mean_predictor_norm';

export interface Compared {
  experiment: FigureExperiment;
  rows: readonly AnalysisRow[];
}

export interface CompareData {
  /** Two to eight. */
  experiments: readonly Compared[];
  quantity?: ComparedQuantity | undefined;
  kernel?: KernelName | undefined;
  /** Default: each experiment's first. */
  biasVariance?: number | undefined;
  /** Default: each experiment's last time, else its first ridge. */
  at?: ScoreAt | undefined;
}

const titles: Record<ComparedQuantity, string> = {
  test_accuracy: 'test accuracy',
  train_accuracy: 'training accuracy',
  test_loss: 'test loss',
  train_loss: 'training loss',
  kappa: 'κ',
  mean_predictor_norm: '|P(Θ)Y|',
};

interface Prepared {
  experiment: FigureExperiment;
  grid: ResultGrid;
  values: (number | null)[][];
  label: string;
}

function prepare({ experiments, quantity = 'test_accuracy', ...choice }: CompareData): Prepared[] {
  const labels = shortNames(experiments.map(({ experiment }) => experiment.name));
  return experiments.map(({ experiment, rows }, i) => {
    const grid = resultGrid(experiment.spec, rows, choice);
    const at = choice.at ?? defaultScore(experiment);
    const values = gridValues(grid, (row) => comparedValue(row, quantity, at));
    return { experiment, grid, values, label: labels[i] as string };
  });
}

function comparedValue(row: AnalysisRow, quantity: ComparedQuantity, at: ScoreAt | null): number | null {
  if (quantity === 'kappa') return row.kappa !== null && row.kappa > 0 ? row.kappa : null;
  if (quantity === 'mean_predictor_norm') return row.meanPredictorNorm;
  if (at === null) return null;
  const [split, score] = quantity.split('_') as ['train' | 'test', 'accuracy' | 'loss'];
  return scoreOf(row, at, split, score);
}

/** Names without what all of them begin with, cut to what a panel has room for. */
export function shortNames(names: readonly string[]): string[] {
  const words = names.map((name) => name.split(/(?<=[ ,])/));
  let shared = 0;
  while (words.every((list) => list.length > shared + 1 && list[shared] === words[0]?.[shared])) shared++;
  const rests = words.map((list) => list.slice(shared).join('').trim());
  const isTold = new Set(rests).size === names.length;
  return (isTold ? rests : names).map((name, i) => {
    const cut = name.length > 34 ? `${name.slice(0, 33).trim()}…` : name;
    return `${String.fromCharCode(97 + i)} ${cut}`.replaceAll('_', ' ').replaceAll('^', ' ');
  });
}

/** One map an experiment, all in the same colours. */
export function compareMaps(data: CompareData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { quantity = 'test_accuracy' } = data;
  const prepared = prepare(data);
  const colors = sharedColors(prepared, quantity);
  const { boxes, height } = panelBoxes(
    prepared.length,
    options,
    theme,
    (width) => width * 0.78 + theme.size * 4,
  );
  const drawn = prepared.map(({ experiment, grid, values, label }, i) => {
    const { weightVariances, depths } = grid;
    const map = {
      name: `experiment-${i}`,
      title: label,
      weightVariances,
      depths,
      values,
      colors,
      curves: curvesOf(experiment, grid),
    };
    return mapPanel(boxes[i] as (typeof boxes)[number], map, theme);
  });
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height,
    caption: `${capital(plain(titles[quantity]))} of ${prepared.length} experiments over weight variance and depth, in the same colours: ${sources(prepared)}. ${curvesText}`,
    table: tableOf(prepared, quantity),
    panels: drawn.map(({ panel }) => panel),
  };
}

/** A number against depth at the weight variance nearest to a value, one line an experiment. */
export function compareLines(
  data: CompareData & { weightVariance: number },
  options: FigureOptions,
): Drawing {
  const theme = themes[options.theme];
  const { quantity = 'test_accuracy', weightVariance } = data;
  const prepared = prepare(data);
  const series = prepared.map(({ grid, values, label }, i): Series => {
    const column = nearest(grid.weightVariances, weightVariance);
    const at = grid.weightVariances[column] as number;
    const off =
      Math.abs(at - weightVariance) > 1e-9 * Math.abs(weightVariance) ? `, σ_w^2 = ${numberMarkup(at)}` : '';
    const points = grid.depths.map((depth, row): [number, number | null] => [
      depth,
      values[row]?.[column] ?? null,
    ]);
    return { name: `experiment-${i}`, label: `${label}${off}`, points, color: theme.series[i % 8] as string };
  });
  const { boxes, height } = panelBoxes(1, options, theme, (width) => Math.min(width * 0.62, 520));
  const isLog = quantity === 'kappa' || quantity === 'mean_predictor_norm';
  const { marks, panel } = linePanel(
    boxes[0] as (typeof boxes)[number],
    {
      name: 'lines',
      series,
      x: { kind: 'linear', title: 'depth ℓ' },
      y: {
        kind: isLog ? 'log' : 'linear',
        title: titles[quantity],
        label: quantity.endsWith('accuracy') ? percentMarkup : undefined,
      },
    },
    theme,
  );
  return {
    marks,
    height,
    caption: `${capital(plain(titles[quantity]))} against depth at σ_w² = ${numberMarkup(weightVariance)} (each experiment's nearest value): ${sources(prepared)}.`,
    table: tableOf(prepared, quantity),
    panels: [panel],
  };
}

/** Where a reference experiment is better or worse than another: differences on the points they share. */
export function differenceMap(data: CompareData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { quantity = 'test_accuracy' } = data;
  const [first, ...others] = prepare(data);
  if (first === undefined || others.length === 0) throw new RangeError('A difference needs two experiments.');
  const isRatio = quantity === 'kappa' || quantity === 'mean_predictor_norm';
  const maps = others.map((other) => {
    const weights = shared(first.grid.weightVariances, other.grid.weightVariances);
    const depths = shared(first.grid.depths, other.grid.depths);
    const values = depths.map((depth) =>
      weights.map((weight) => {
        const [a, b] = [valueAt(other, weight, depth), valueAt(first, weight, depth)];
        if (a === null || b === null) return null;
        if (!isRatio) return a - b;
        return a > 0 && b > 0 ? Math.log10(a / b) : null;
      }),
    );
    return { other, weights, depths, values };
  });
  if (maps.every(({ weights, depths }) => weights.length * depths.length === 0)) {
    throw new RangeError(
      'These experiments share no grid point (sigma_w^2, depth): there is no difference to map.',
    );
  }
  const reach = Math.max(...maps.flatMap(({ values }) => (valueRange(values) ?? []).map(Math.abs)), 1e-12);
  const label = (value: number) =>
    isRatio
      ? `${value < 0 ? '÷' : '×'} ${numberMarkup(10 ** Math.abs(value), 2)}`
      : quantity.endsWith('accuracy')
        ? `${value > 0 ? '+' : '−'}${numberMarkup(Math.abs(100 * value), 2)} points`
        : `${value > 0 ? '+' : '−'}${numberMarkup(Math.abs(value), 2)}`;
  const colors: ColorScale = { low: -reach, high: reach, map: blueOrange, isLog: false, label };
  const { boxes, height } = panelBoxes(
    maps.length,
    options,
    theme,
    (width) => Math.min(width * 0.78, 620) + theme.size * 4,
  );
  const drawn = maps.map(({ other, weights, depths, values }, i) => {
    const sign = isRatio ? '/' : '−';
    const name = `difference-${i}`;
    const title = `${other.label[0]} ${sign} ${first.label[0]}`;
    const isEmpty = weights.length === 0 || depths.length === 0;
    const map = {
      name,
      title: isEmpty ? `${title}: no shared grid point` : title,
      weightVariances: isEmpty ? [0, 1] : weights,
      depths: isEmpty ? [0, 1] : depths,
      values: isEmpty
        ? [
            [null, null],
            [null, null],
          ]
        : values,
      colors: isEmpty ? null : colors,
      curves: isEmpty ? null : curvesOf(first.experiment, { ...first.grid, weightVariances: weights }),
    };
    return mapPanel(boxes[i] as (typeof boxes)[number], map, theme);
  });
  const what = isRatio ? 'Ratio' : 'Difference';
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height,
    caption: `${what} of ${plain(titles[quantity])} to ${first.label} at the grid points that both have, white where they agree: ${sources([first, ...others])}. ${curvesText}`,
    table: {
      columns: [
        { name: 'experiment', symbol: 'experiment', unit: '' },
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'depth', symbol: 'ℓ', unit: 'layers' },
        { name: isRatio ? 'log10_ratio' : 'difference', symbol: titles[quantity], unit: '' },
      ],
      rows: maps.flatMap(({ other, weights, depths, values }) =>
        weights.flatMap((weight, c) =>
          depths.map((depth, r) => [other.experiment.id, weight, depth, values[r]?.[c] ?? null]),
        ),
      ),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}

function sharedColors(prepared: readonly Prepared[], quantity: ComparedQuantity): ColorScale | null {
  const all = prepared.flatMap(({ values }) => values);
  const range = valueRange(all);
  if (range === null) return null;
  if (quantity === 'kappa' || quantity === 'mean_predictor_norm') {
    const positive = valueRange(
      all.map((row) => row.map((value) => (value !== null && value > 0 ? value : null))),
    );
    const [low, high] = positive ?? range;
    return { low, high, map: cividis, isLog: true, label: (value) => numberMarkup(value, 2) };
  }
  return scoreColors(all, quantity.endsWith('accuracy') ? 'accuracy' : 'loss');
}

const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
const shared = (a: readonly number[], b: readonly number[]) =>
  a.filter((value) => b.some((other) => isClose(value, other)));

function valueAt({ grid, values }: Prepared, weight: number, depth: number): number | null {
  const column = grid.weightVariances.findIndex((value) => isClose(value, weight));
  return values[grid.depths.indexOf(depth)]?.[column] ?? null;
}

function nearest(values: readonly number[], wanted: number): number {
  return values.reduce(
    (best, value, i) => (Math.abs(value - wanted) < Math.abs((values[best] as number) - wanted) ? i : best),
    0,
  );
}

const plain = (markup: string) => markup.replace(/[{}]/g, '');
const capital = (words: string) => `${words[0]?.toUpperCase()}${words.slice(1)}`;
const sources = (prepared: readonly Prepared[]) =>
  prepared
    .map(
      ({ experiment, label, grid }) =>
        `${label[0]}: ${grid.kernel === 'ntk' ? 'NTK' : 'NNGP'}, ${architectureText(experiment.spec)}, σ_b² = ${numberMarkup(grid.biasVariance)}, ${dataText(experiment)} (${experiment.id})`,
    )
    .join('; ');

function tableOf(prepared: readonly Prepared[], quantity: ComparedQuantity) {
  return {
    columns: [
      { name: 'experiment', symbol: 'experiment', unit: '' },
      { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
      { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
      { name: 'depth', symbol: 'ℓ', unit: 'layers' },
      { name: quantity, symbol: titles[quantity], unit: '' },
    ],
    rows: prepared.flatMap(({ experiment, grid, values }) =>
      grid.weightVariances.flatMap((weight, c) =>
        grid.depths.map((depth, r) => [
          experiment.id,
          weight,
          grid.biasVariance,
          depth,
          values[r]?.[c] ?? null,
        ]),
      ),
    ),
  };
}
