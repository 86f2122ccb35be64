/** Accuracy or loss of trained networks of finite width over depth, laid over what the kernel predicts at the same moment. */
import type { TrainingRow, TrainingScore } from '@tessera/spec';
import { panelBoxes } from '../draw/layout.js';
import { type LinePanel, linePanel, type Series } from '../draw/line-panel.js';
import { numberMarkup, percentMarkup } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { type FigureExperiment, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { resultGrid } from '../result-grid.js';
import type { TableCell } from '../table.js';
import { depthScaleFactor } from '../theory-curves.js';
import { hasTestImages, type ScoreAt, type Split, scoreOf, scoresOf, scoreText } from './accuracy-map.js';
import { type DepthSeriesData, representativeWeights } from './depth-series.js';

export interface NetworksData extends DepthSeriesData {
  trainings: readonly TrainingRow[];
  quantity?: 'accuracy' | 'loss' | undefined;
  /** Default: the last time at which both have scores. */
  at?: ScoreAt | undefined;
}

/** Of steps that are rounded to whole ones. */
const timeTolerance = 1e-6;

export function networks(data: NetworksData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { experiment, quantity = 'accuracy' } = data;
  const grid = resultGrid(experiment.spec, data.rows, { ...data, kernel: 'ntk' });
  const trainings = data.trainings.filter(({ biasVariance }) => biasVariance === grid.biasVariance);
  const at = data.at ?? defaultMoment(experiment, trainings);
  const trained = new Set(trainings.map(({ weightVariance }) => weightVariance));
  const weights = data.weightVariances ?? representativeWeights(grid).filter((weight) => trained.has(weight));
  const splits: Split[] = hasTestImages(experiment) ? ['train', 'test'] : ['train'];
  const kernelValue = (weight: number, depth: number, split: Split) => {
    const row = grid.at(weight, depth);
    return row === null || at === null ? null : scoreOf(row, at, split, quantity);
  };
  const networkValue = (row: TrainingRow, split: Split) => {
    const score = scoreAt(row, at);
    return score === null ? null : score[valueNames[split][quantity]];
  };
  const panels = splits.map((split): LinePanel => {
    const series = weights.flatMap((weight, i): Series[] => {
      const color = theme.series[i % theme.series.length] as string;
      const of = trainings.filter(({ weightVariance }) => weightVariance === weight);
      return [
        {
          name: `kernel-${i}`,
          label: `σ_w^2 = ${numberMarkup(weight)}`,
          points: grid.depths.map((depth) => [depth, kernelValue(weight, depth, split)]),
          color,
          dots: 'none',
        },
        {
          name: `networks-${i}`,
          label: '',
          // A gap behind every point: dots without a line.
          points: of.flatMap((row): [number, number | null][] => [
            [row.depth, networkValue(row, split)],
            [row.depth, null],
          ]),
          color,
          dots: 'all',
        },
      ];
    });
    return {
      name: split,
      series,
      x: { kind: (grid.depths[0] as number) > 0 ? 'log' : 'linear', title: 'depth ℓ' },
      y: {
        kind: 'linear',
        title: `${split === 'train' ? 'training' : 'test'} ${quantity}`,
        ...(quantity === 'accuracy' && {
          label: (value: number) => percentMarkup(value),
          domain: [0, 1.06 * largestOf(series)] as const,
        }),
      },
      verticals: weights.flatMap((weight) => depthScalesOf(grid.at(weight, grid.depths[0] as number))),
    };
  });
  const { boxes, height } = panelBoxes(panels.length, options, theme, (width) => Math.min(width * 0.72, 520));
  const drawn = panels.map((panel, i) => linePanel(boxes[i] as (typeof boxes)[number], panel, theme));
  const [{ width, steps, batch } = { width: 0, steps: 0, batch: null }] = trainings;
  const descent = batch === null ? 'full-batch gradient descent' : `gradient descent in batches of ${batch}`;
  const when = at === null ? 'at their end' : 'at the same moment';
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height,
    caption:
      `Networks of width ${width} (points, one a seed; ${descent}, ${steps} steps) beside the NTK's prediction ` +
      `(lines${at === null ? '' : `, ${scoreText(at, experiment)}`}), ${when}. ` +
      `Dotted: ${depthScaleFactor}ξ_1 where σ_w² is ordered, ${depthScaleFactor}ξ_* where it is chaotic. ` +
      sourceText(experiment, { kernel: 'ntk', biasVariance: grid.biasVariance }),
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'depth', symbol: 'ℓ', unit: 'layers' },
        { name: 'seed', symbol: 'seed', unit: '' },
        { name: 'learning_rate', symbol: 'η', unit: '' },
        ...splits.flatMap((split) => [
          { name: `${split}_${quantity}_kernel`, symbol: `${split} ${quantity}, kernel`, unit: '' },
          { name: `${split}_${quantity}_network`, symbol: `${split} ${quantity}, network`, unit: '' },
        ]),
      ],
      rows: trainings
        .filter(({ weightVariance }) => weights.includes(weightVariance))
        .map((row): TableCell[] => [
          row.weightVariance,
          row.depth,
          row.seed,
          row.learningRate,
          ...splits.flatMap((split) => [
            kernelValue(row.weightVariance, row.depth, split),
            networkValue(row, split),
          ]),
        ]),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}

const largestOf = (series: readonly Series[]): number =>
  Math.max(0.1, ...series.flatMap(({ points }) => points.map(([, value]) => value ?? 0)));

const valueNames = {
  train: { accuracy: 'trainAccuracy', loss: 'trainLoss' },
  test: { accuracy: 'testAccuracy', loss: 'testLoss' },
} as const;

/** What a network predicts at a moment; its end where there is none to compare with. */
function scoreAt(row: TrainingRow, at: ScoreAt | null): TrainingScore | null {
  if (at === null || !('time' in at)) return row.scores.at(-1) ?? null;
  const isThen = ({ time }: TrainingScore) =>
    time !== null && Math.abs(time - at.time) <= timeTolerance * at.time;
  return row.scores.find(isThen) ?? null;
}

/** The last time of the kernel's flow at which a network was scored too, else the last there is. */
function defaultMoment(experiment: FigureExperiment, trainings: readonly TrainingRow[]): ScoreAt | null {
  const all = scoresOf(experiment);
  const times = all.filter((at) => 'time' in at);
  return times.findLast((at) => trainings.some((row) => scoreAt(row, at) !== null)) ?? all[0] ?? null;
}

/** 8 xi of the phase that a row is in; none on the critical line. */
function depthScalesOf(row: { xi1: number | null; xiStar: number | null } | null): {
  at: number;
  label: string;
}[] {
  const line = (scale: number | null, name: string) =>
    scale === null ? [] : [{ at: depthScaleFactor * scale, label: `${depthScaleFactor}${name}` }];
  return [...line(row?.xi1 ?? null, 'ξ_1'), ...line(row?.xiStar ?? null, 'ξ_*')];
}
