/** What a figure consists of: a few kinds of marks in absolute coordinates, which SVG, PDF and a canvas can all draw. */

/** `#rrggbb`. */
export type Color = string;
export type Point = readonly [x: number, y: number];

export interface Stroke {
  color: Color;
  width: number;
  /** Lengths of strokes and gaps. */
  dash?: readonly number[] | undefined;
  opacity?: number | undefined;
}

export type Mark =
  | { kind: 'rect'; x: number; y: number; width: number; height: number; fill?: Color; stroke?: Stroke }
  /** Lines (`closed` false) or areas by the even-odd rule. */
  | { kind: 'path'; lines: readonly (readonly Point[])[]; closed?: boolean; fill?: Color; stroke?: Stroke }
  | { kind: 'circle'; x: number; y: number; radius: number; fill?: Color; stroke?: Stroke }
  /** Markup of rich-text.ts; (x, y) is on the base line. */
  | {
      kind: 'text';
      x: number;
      y: number;
      markup: string;
      size: number;
      fill: Color;
      anchor: 'start' | 'middle' | 'end';
      /** Turned to be read from below upwards. */
      upwards?: boolean;
      halo?: Color;
    }
  /** Pixels drawn as sharp cells, or smoothed where they sample a smooth field. */
  | {
      kind: 'image';
      x: number;
      y: number;
      width: number;
      height: number;
      pixels: Pixels;
      isSmooth?: boolean;
    }
  | { kind: 'group'; name: string; clip?: Frame; marks: readonly Mark[] };

/** Row-major RGBA, four bytes a pixel, the top row first. */
export interface Pixels {
  width: number;
  height: number;
  rgba: Uint8Array;
}

export interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Scene {
  width: number;
  height: number;
  /** Of a unit of the scene: px on screens, pt (1/72 in) in print. */
  unit: 'px' | 'pt';
  background: Color | null;
  marks: readonly Mark[];
}

export const group = (name: string, marks: readonly Mark[], clip?: Frame): Mark =>
  clip === undefined ? { kind: 'group', name, marks } : { kind: 'group', name, clip, marks };
