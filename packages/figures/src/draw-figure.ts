/** One definition a figure: the same in a browser, on the command line and in a report. */

import type { Scene } from './draw/scene.js';
import { toSvg } from './draw/svg.js';
import { themes } from './draw/theme.js';
import type { Drawing, Figure, FigureOptions } from './figure.js';
import { type AccuracyMapData, accuracyMap } from './figures/accuracy-map.js';

/** What each figure is drawn from. */
export interface FigureData {
  'accuracy-map': AccuracyMapData;
}
export type FigureName = keyof FigureData;

const figures: { [Name in FigureName]: (data: FigureData[Name], options: FigureOptions) => Drawing } = {
  'accuracy-map': accuracyMap,
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
