export { plainText } from './draw/rich-text.js';
export { cellAt, type Scale } from './draw/scale.js';
export { printWidths, type Theme, type ThemeName, themes } from './draw/theme.js';
export { drawFigure, type FigureData, type FigureName, figureNames } from './draw-figure.js';
export type { FigureExperiment } from './experiment-words.js';
export { type Figure, type FigureOptions, hitTest, type Plot, type PlotPanel } from './figure.js';
export {
  type AccuracyMapData,
  defaultScore,
  type ScoreAt,
  type Split,
  scoresOf,
} from './figures/accuracy-map.js';
export { type Table, type TableColumn, tableCsv, tableNpy } from './table.js';
