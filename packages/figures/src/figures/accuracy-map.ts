/** Accuracy or loss over (sigma_w^2, depth), training and test, with 8 xi_1, 8 xi_* and the critical line. */
import { type AnalysisRow, expandAxis } from '@tessera/spec';
import { cividis, viridis } from '../draw/color-map.js';
import { type ColorScale, valueRange } from '../draw/color-scale.js';
import { panelBoxes } from '../draw/layout.js';
import { type DepthMap, mapPanel } from '../draw/map-panel.js';
import { numberMarkup, percentMarkup } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { type FigureExperiment, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { type GridChoice, gridValues, type ResultGrid, resultGrid } from '../result-grid.js';
import { type DepthScaleCurves, depthScaleCurves } from '../theory-curves.js';

export type Split = 'train' | 'test';
/** Gradient flow at a time, or ridge regression. */
export type ScoreAt = { time: number } | { diagReg: number };

export interface AccuracyMapData extends GridChoice {
  experiment: FigureExperiment;
  rows: readonly AnalysisRow[];
  quantity?: 'accuracy' | 'loss' | undefined;
  /** Default: the last time, else the first ridge. */
  at?: ScoreAt | undefined;
  /** Default: train, and test where there are test images. */
  splits?: readonly Split[] | undefined;
}

/** The times and ridges an experiment has scores at. */
export function scoresOf({ spec }: FigureExperiment): ScoreAt[] {
  const times = [...(spec.analysis.dynamics?.times ?? [])].sort((a, b) => a - b);
  const ridges = [...(spec.analysis.regression?.diagReg ?? [])];
  return [...times.map((time) => ({ time })), ...ridges.map((diagReg) => ({ diagReg }))];
}

/** The last time, or the first ridge where there is no dynamics; null where there is neither. */
export function defaultScore(experiment: FigureExperiment): ScoreAt | null {
  const all = scoresOf(experiment);
  return all.filter((at) => 'time' in at).at(-1) ?? all[0] ?? null;
}

/** The accuracy or loss of a row; null where it is not there. */
export function scoreOf(
  row: AnalysisRow,
  at: ScoreAt,
  split: Split,
  quantity: 'accuracy' | 'loss',
): number | null {
  const entry =
    'time' in at
      ? row.dynamics.find(({ time }) => time === at.time)
      : row.regression.find(({ diagReg }) => diagReg === at.diagReg);
  if (entry === undefined) return null;
  const { trainAccuracy, testAccuracy, trainLoss, testLoss } = entry;
  if (quantity === 'accuracy') return split === 'train' ? trainAccuracy : testAccuracy;
  return split === 'train' ? trainLoss : testLoss;
}

export function scoreText(at: ScoreAt, { spec }: FigureExperiment): string {
  if ('diagReg' in at) return `of ridge regression with diagonal ${at.diagReg} tr(Θ)/m`;
  const rate = spec.analysis.dynamics?.learningRate ?? 'max';
  const eta = rate === 'max' ? 'η = 2/λ_max' : `η = ${rate}`;
  return `after gradient flow for t = ${at.time.toLocaleString('en-US')} at ${eta}`;
}

export function hasTestImages({ spec }: FigureExperiment): boolean {
  const { test } = spec.dataset;
  return typeof test === 'number' ? test > 0 : 'count' in test ? test.count > 0 : test.indices.length > 0;
}

/** Colours of the values that are there: viridis for accuracies, cividis for losses. */
export function scoreColors(
  values: readonly (readonly (number | null)[])[],
  quantity: 'accuracy' | 'loss',
): ColorScale | null {
  const range = valueRange(values);
  if (range === null) return null;
  const [low, high] = range;
  if (quantity === 'accuracy') return { low, high, map: viridis, isLog: false, label: percentMarkup };
  return { low, high, map: cividis, isLog: low > 0 && high / low > 30, label: numberMarkup };
}

export function curvesOf(experiment: FigureExperiment, grid: ResultGrid): DepthScaleCurves {
  const { weightVariances } = grid;
  const [first, last] = [weightVariances[0] as number, weightVariances.at(-1) as number];
  const half = weightVariances.length > 1 ? (last - first) / (weightVariances.length - 1) / 2 : 0.5;
  const { activation } = experiment.spec.architecture;
  return depthScaleCurves(activation, grid.biasVariance, [Math.max(0, first - half), last + half]);
}

export const curvesText =
  'Lines of mean-field theory: 8 ξ_1 (solid), beyond which deep networks do not train, 8 ξ_* (dashed), beyond which they ' +
  'do not generalize, and the critical line χ_1 = 1 (dotted). Hatched: no number.';

export const paddingText = ({ spec }: FigureExperiment): string =>
  spec.architecture.family !== 'fcn' && spec.architecture.padding === 'same'
    ? ' With zero padding the lines describe the interior of an image and are an approximation.'
    : '';

export function accuracyMap(data: AccuracyMapData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { experiment, rows, quantity = 'accuracy' } = data;
  const grid = resultGrid(experiment.spec, rows, data);
  const at = data.at ?? defaultScore(experiment);
  const splits =
    data.splits ?? (hasTestImages(experiment) ? (['train', 'test'] as const) : (['train'] as const));
  const curves = curvesOf(experiment, grid);
  const maps = splits.map((split): DepthMap => {
    const values = gridValues(grid, (row) => (at === null ? null : scoreOf(row, at, split, quantity)));
    const { weightVariances, depths } = grid;
    const title = `${split === 'train' ? 'training' : 'test'} ${quantity}`;
    return {
      name: split,
      title,
      weightVariances,
      depths,
      values,
      colors: scoreColors(values, quantity),
      curves,
    };
  });
  const { boxes, height } = panelBoxes(maps.length, options, theme, (width) => width * 0.78 + theme.size * 4);
  const drawn = maps.map((map, i) => mapPanel(boxes[i] as (typeof boxes)[number], map, theme));
  const when = at === null ? '' : ` ${scoreText(at, experiment)}`;
  const what = `${quantity === 'accuracy' ? 'Accuracy' : 'Loss ½|f − Y|² (mean over images)'} on ${splits.map((split) => (split === 'train' ? 'training' : 'test')).join(' and ')} images${when}, over weight variance and depth.`;
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height,
    caption: `${what} ${sourceText(experiment, { kernel: grid.kernel, biasVariance: grid.biasVariance })} ${curvesText}${paddingText(experiment)}`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
        { name: 'depth', symbol: 'l', unit: 'layers' },
        ...splits.map((split) => ({
          name: `${split}_${quantity}`,
          symbol: `${split === 'train' ? 'training' : 'test'} ${quantity}`,
          unit: '',
        })),
      ],
      rows: expandAxis(experiment.spec.grid.weightVariance).flatMap((weight) =>
        grid.depths.map((depth) => {
          const row = grid.at(weight, depth);
          const scores = splits.map((split) =>
            row === null || at === null ? null : scoreOf(row, at, split, quantity),
          );
          return [weight, grid.biasVariance, depth, ...scores];
        }),
      ),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}
