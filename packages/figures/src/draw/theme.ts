/** Colours and sizes of the three looks. Text has a contrast of at least 4.5 to its background (WCAG AA). */
import type { Color } from './scene.js';

export type ThemeName = 'light' | 'dark' | 'print';

export interface Theme {
  name: ThemeName;
  unit: 'px' | 'pt';
  background: Color | null;
  /** Texts and axes. */
  ink: Color;
  /** Ticks' labels and secondary text. */
  faint: Color;
  grid: Color;
  /** Lines of missing cells' hatch. */
  hatch: Color;
  /** Theory over maps: dark on light, whatever the page is. */
  overMap: { line: Color; halo: Color };
  /** Theory over empty paper. */
  theory: Color;
  /** Colours of series, told apart by colour-blind eyes (Okabe, Ito), and on this background. */
  series: readonly Color[];
  /** Of texts. */
  size: number;
  /** Of curves and axes. */
  lineWidth: number;
  axisWidth: number;
  pointRadius: number;
}

const light: Theme = {
  name: 'light',
  unit: 'px',
  background: '#ffffff',
  ink: '#1b1f24',
  faint: '#57606a',
  grid: '#e3e6ea',
  hatch: '#c3c8ce',
  overMap: { line: '#111111', halo: '#ffffff' },
  theory: '#1b1f24',
  series: ['#0072b2', '#b84a00', '#007a59', '#a34a80', '#7d6200', '#1f6fa8', '#6b4fa0', '#5c5c5c'],
  size: 13,
  lineWidth: 1.75,
  axisWidth: 1,
  pointRadius: 2.5,
};

const dark: Theme = {
  ...light,
  name: 'dark',
  background: '#1b1f23',
  ink: '#e6e9ed',
  faint: '#9ba4af',
  grid: '#2b3037',
  hatch: '#454c55',
  theory: '#e6e9ed',
  series: ['#56b4e9', '#f0894a', '#2fc39b', '#e2a3c7', '#e6c229', '#8ecdf0', '#b9a5e8', '#b4b4b4'],
};

const print: Theme = {
  ...light,
  name: 'print',
  unit: 'pt',
  background: null,
  ink: '#000000',
  faint: '#000000',
  grid: '#e6e6e6',
  hatch: '#bbbbbb',
  theory: '#000000',
  size: 8,
  lineWidth: 0.75,
  axisWidth: 0.75,
  pointRadius: 1.2,
};

export const themes: Readonly<Record<ThemeName, Theme>> = { light, dark, print };

/** Widths of a column and of a page, in points. */
export const printWidths = { column: 3.25 * 72, page: 6.75 * 72 } as const;
