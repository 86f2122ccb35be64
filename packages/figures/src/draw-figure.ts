/** One definition a figure: the same in a browser, on the command line and in a report. */
import type { Scene } from './draw/scene.js';
import { toSvg } from './draw/svg.js';
import { themes } from './draw/theme.js';
import type { Drawing, Figure, FigureOptions } from './figure.js';
import { type AccuracyMapData, accuracyMap } from './figures/accuracy-map.js';
import { type CompareData, compareLines, compareMaps, differenceMap } from './figures/compare.js';
import { type CorrelationMapData, correlationMap } from './figures/correlation-map.js';
import { type DepthScalesData, depthScales } from './figures/depth-scales.js';
import { type DepthSeriesData, meanPredictor, spectrumDepth } from './figures/depth-series.js';
import { type KappaMapData, kappaMap } from './figures/kappa-map.js';
import { type KernelMatrixData, kernelMatrix } from './figures/kernel-matrix.js';
import { type LearningCurvesData, learningCurves } from './figures/learning-curves.js';
import { type NetworksData, networks } from './figures/networks.js';
import { type PhaseDiagramData, phaseDiagram } from './figures/phase-diagram.js';
import { type SpectrumData, spectrum } from './figures/spectrum.js';

/** What each figure is drawn from. */
export interface FigureData {
  'phase-diagram': PhaseDiagramData;
  'depth-scales': DepthScalesData;
  'correlation-map': CorrelationMapData;
  'accuracy-map': AccuracyMapData;
  'spectrum-depth': DepthSeriesData;
  'kappa-map': KappaMapData;
  spectrum: SpectrumData;
  'learning-curves': LearningCurvesData;
  'mean-predictor': DepthSeriesData;
  networks: NetworksData;
  'kernel-matrix': KernelMatrixData;
  'compare-maps': CompareData;
  'compare-lines': CompareData & { weightVariance: number };
  'difference-map': CompareData;
}
export type FigureName = keyof FigureData;

const figures: { [Name in FigureName]: (data: FigureData[Name], options: FigureOptions) => Drawing } = {
  'phase-diagram': phaseDiagram,
  'depth-scales': depthScales,
  'correlation-map': correlationMap,
  'accuracy-map': accuracyMap,
  'spectrum-depth': spectrumDepth,
  'kappa-map': kappaMap,
  spectrum,
  'learning-curves': learningCurves,
  'mean-predictor': meanPredictor,
  networks,
  'kernel-matrix': kernelMatrix,
  'compare-maps': compareMaps,
  'compare-lines': compareLines,
  'difference-map': differenceMap,
};

export const figureNames = Object.keys(figures) as FigureName[];

/** Draws a figure. Pure: needs no DOM, no network, no clock. */
export function drawFigure<Name extends FigureName>(
  name: Name,
  data: FigureData[Name],
  options: FigureOptions,
): Figure {
  const { marks, height, caption, table, panels } = figures[name](data, options);
  const theme = themes[options.theme];
  const { width } = options;
  const background = options.background === undefined ? theme.background : options.background;
  const scene: Scene = { width, height, unit: theme.unit, background, marks };
  return { svg: toSvg(scene, caption), caption, table, plot: { width, height, panels }, scene };
}
