export { encodePng } from './draw/png.js';
export { plainText } from './draw/rich-text.js';
export { cellAt, type Scale } from './draw/scale.js';
export type { Pixels, Scene } from './draw/scene.js';
export { printWidths, type Theme, type ThemeName, themes } from './draw/theme.js';
export { drawFigure, type FigureData, type FigureName, figureNames } from './draw-figure.js';
export { type FigureExperiment, figureExperiment } from './experiment-words.js';
export { type Figure, type FigureOptions, hitTest, type Plot, type PlotPanel } from './figure.js';
export {
  type AccuracyMapData,
  defaultScore,
  type ScoreAt,
  type Split,
  scoreOf,
  scoresOf,
} from './figures/accuracy-map.js';
export type { CompareData, Compared, ComparedQuantity } from './figures/compare.js';
export type { CorrelationMapData } from './figures/correlation-map.js';
export type { DepthScalesData } from './figures/depth-scales.js';
export { type DepthSeriesData, representativeWeights } from './figures/depth-series.js';
export type { KappaMapData } from './figures/kappa-map.js';
export { type KernelMatrixData, type MatrixAxis, quantiles } from './figures/kernel-matrix.js';
export type { LearningCurvesData } from './figures/learning-curves.js';
export type { NetworksData } from './figures/networks.js';
export type { PhaseDiagramData, PhaseQuantity } from './figures/phase-diagram.js';
export type { GridPointChoice, SpectrumData } from './figures/spectrum.js';
export { type GridChoice, type ResultGrid, resultGrid } from './result-grid.js';
export { type Table, type TableCell, type TableColumn, tableCsv, tableNpy } from './table.js';
export { type DepthScaleCurves, depthScaleCurves } from './theory-curves.js';
