/** What every figure takes and gives. */
import type { Scale } from './draw/scale.js';
import type { Frame, Scene } from './draw/scene.js';
import type { ThemeName } from './draw/theme.js';
import type { Table } from './table.js';

export interface FigureOptions {
  /** Of the picture: px, or pt (1/72 in) in print. */
  width: number;
  /** Default: what suits the width. */
  height?: number | undefined;
  theme: ThemeName;
  /** `#rrggbb` behind the figure, null for none; default: the theme's. */
  background?: string | null | undefined;
}

/** One pair of axes: its frame and scales in the figure's coordinates. */
export interface PlotPanel {
  name: string;
  frame: Frame;
  x: Scale;
  y: Scale;
  /** Of a map: values[row][column] over `y.values` and `x.values`. */
  values?: readonly (readonly (number | null)[])[];
}

export interface Plot {
  width: number;
  height: number;
  panels: readonly PlotPanel[];
}

export interface Figure {
  svg: string;
  /** One paragraph: what is drawn, of which spec and data, and what the lines mean. */
  caption: string;
  table: Table;
  plot: Plot;
  /** What `svg` was made of; other backends draw it too. */
  scene: Scene;
}

/** What a figure's own function makes; the rest follows from it. */
export interface Drawing {
  marks: Scene['marks'];
  height: number;
  caption: string;
  table: Table;
  panels: readonly PlotPanel[];
}

/** The panel and the values under a point of the figure; null outside every frame. */
export function hitTest(plot: Plot, x: number, y: number): { panel: PlotPanel; x: number; y: number } | null {
  const panel = plot.panels.find(
    ({ frame }) => x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + frame.height,
  );
  return panel === undefined ? null : { panel, x: panel.x.invert(x), y: panel.y.invert(y) };
}
