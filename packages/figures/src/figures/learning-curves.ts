/** Accuracy and loss at one point of the grid: against time under gradient flow, and along the path of ridges. */
import type { AnalysisRow } from '@tessera/spec';
import { panelBoxes } from '../draw/layout.js';
import { type LinePanel, linePanel, type Series } from '../draw/line-panel.js';
import { numberMarkup, percentMarkup } from '../draw/number-markup.js';
import { type Theme, themes } from '../draw/theme.js';
import { type FigureExperiment, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { hasTestImages, type Split, scoreOf, scoresOf } from './accuracy-map.js';

export interface LearningCurvesData {
  experiment: FigureExperiment;
  row: AnalysisRow;
}

export function learningCurves({ experiment, row }: LearningCurvesData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const splits: Split[] = hasTestImages(experiment) ? ['train', 'test'] : ['train'];
  const all = scoresOf(experiment);
  const times = all.flatMap((at) => ('time' in at ? [at.time] : []));
  const ridges = all.flatMap((at) => ('diagReg' in at ? [at.diagReg] : [])).sort((a, b) => a - b);
  const panels: LinePanel[] = [];
  for (const quantity of ['accuracy', 'loss'] as const) {
    const y = quantityAxis(quantity);
    if (times.length > 0) {
      const series = seriesOf(splits, theme, (split) =>
        times.map((time) => [time, scoreOf(row, { time }, split, quantity)]),
      );
      panels.push({ name: `${quantity}-time`, series, x: { kind: 'log', title: 'time t' }, y });
    }
    if (ridges.length > 1 || (ridges.length === 1 && times.length === 0)) {
      const series = seriesOf(splits, theme, (split) =>
        ridges.map((diagReg) => [diagReg, scoreOf(row, { diagReg }, split, quantity)]),
      );
      const x = { kind: 'bands' as const, values: ridges, title: 'ridge r, in tr(Θ)/m', label: numberMarkup };
      panels.push({ name: `${quantity}-ridge`, series, x, y });
    }
  }
  const { boxes, height } = panelBoxes(panels.length, options, theme, (width) => Math.min(width * 0.72, 420));
  const drawn = panels.map((panel, i) => linePanel(boxes[i] as (typeof boxes)[number], panel, theme));
  const rate = row.maxLearningRate;
  const eta =
    experiment.spec.analysis.dynamics?.learningRate === 'max' && rate !== null
      ? ` η = 2/λ_max = ${numberMarkup(rate).replace(/\^\{(.*)\}/, '^$1')}.`
      : '';
  const { kernel, weightVariance, biasVariance, depth } = row;
  return {
    marks: drawn.flatMap(({ marks }) => marks),
    height: panels.length === 0 ? theme.size * 3 : height,
    caption: `Learning curves: accuracy and loss ½|f − Y|² (mean over images) of gradient flow against time${ridges.length > 1 ? ', and of ridge regression against its ridge' : ''}.${eta} ${sourceText(experiment, { kernel, weightVariance, biasVariance, depth })}`,
    table: {
      columns: [
        { name: 'time', symbol: 't', unit: '' },
        { name: 'diag_reg', symbol: 'r', unit: 'tr(Θ)/m' },
        ...(['accuracy', 'loss'] as const).flatMap((quantity) =>
          splits.map((split) => ({ name: `${split}_${quantity}`, symbol: `${split} ${quantity}`, unit: '' })),
        ),
      ],
      rows: all.map((at) => [
        'time' in at ? at.time : null,
        'diagReg' in at ? at.diagReg : null,
        ...(['accuracy', 'loss'] as const).flatMap((quantity) =>
          splits.map((split) => scoreOf(row, at, split, quantity)),
        ),
      ]),
    },
    panels: drawn.map(({ panel }) => panel),
  };
}

const quantityAxis = (quantity: 'accuracy' | 'loss'): LinePanel['y'] =>
  quantity === 'accuracy'
    ? { kind: 'linear', title: 'accuracy', domain: [0, 1.04], label: percentMarkup }
    : { kind: 'linear', title: 'loss ½|f − Y|^2' };

function seriesOf(
  splits: readonly Split[],
  theme: Theme,
  points: (split: Split) => [number, number | null][],
): Series[] {
  return splits.map((split, i) => ({
    name: split,
    label: split === 'train' ? 'training' : 'test',
    points: points(split),
    color: theme.series[i] as string,
    dash: split === 'test' ? [theme.lineWidth * 3, theme.lineWidth * 2] : undefined,
  }));
}
