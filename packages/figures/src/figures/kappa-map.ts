/** The condition kappa = lambda_max / lambda_bulk over (sigma_w^2, depth), in powers of ten. */
import type { AnalysisRow } from '@tessera/spec';
import { cividis } from '../draw/color-map.js';
import { type ColorScale, valueRange } from '../draw/color-scale.js';
import { panelBoxes } from '../draw/layout.js';
import { mapPanel } from '../draw/map-panel.js';
import { numberMarkup } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { type FigureExperiment, kernelText, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';
import { type GridChoice, gridValues, resultGrid } from '../result-grid.js';
import { curvesOf, curvesText, paddingText } from './accuracy-map.js';

export interface KappaMapData extends GridChoice {
  experiment: FigureExperiment;
  rows: readonly AnalysisRow[];
}

export function kappaMap(data: KappaMapData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { experiment, rows } = data;
  const grid = resultGrid(experiment.spec, rows, data);
  const { weightVariances, depths, kernel, biasVariance } = grid;
  const values = gridValues(grid, ({ kappa }) => (kappa !== null && kappa > 0 ? kappa : null));
  const range = valueRange(values);
  const colors: ColorScale | null = range && {
    low: range[0],
    high: range[1],
    map: cividis,
    isLog: true,
    label: (value) => numberMarkup(value, 2),
  };
  const { boxes, height } = panelBoxes(
    1,
    options,
    theme,
    (width) => Math.min(width * 0.78, 620) + theme.size * 4,
  );
  const { marks, panel } = mapPanel(
    boxes[0] as (typeof boxes)[number],
    {
      name: 'kappa',
      title: `κ of the ${kernelText(kernel)}`,
      weightVariances,
      depths,
      values,
      colors,
      curves: curvesOf(experiment, grid),
    },
    theme,
  );
  return {
    marks,
    height,
    caption: `Condition κ = λ_max/λ_bulk over weight variance and depth, colours logarithmic. ${sourceText(experiment, { kernel, biasVariance })} ${curvesText}${paddingText(experiment)}`,
    table: {
      columns: [
        { name: 'weight_variance', symbol: 'σ_w^2', unit: '' },
        { name: 'bias_variance', symbol: 'σ_b^2', unit: '' },
        { name: 'depth', symbol: 'ℓ', unit: 'layers' },
        { name: 'kappa', symbol: 'κ', unit: '' },
      ],
      rows: weightVariances.flatMap((weight, c) =>
        depths.map((depth, r) => [weight, biasVariance, depth, values[r]?.[c] ?? null]),
      ),
    },
    panels: [panel],
  };
}
