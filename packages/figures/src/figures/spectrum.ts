/** The spectrum at one point of the grid: eigenvalues by index, and how many lie where. */
import type { AnalysisRow, KernelName } from '@tessera/spec';
import { panelBoxes } from '../draw/layout.js';
import { linePanel } from '../draw/line-panel.js';
import { countText } from '../draw/number-markup.js';
import { themes } from '../draw/theme.js';
import { type FigureExperiment, kernelSymbol, sourceText } from '../experiment-words.js';
import type { Drawing, FigureOptions } from '../figure.js';

export interface GridPointChoice {
  kernel: KernelName;
  weightVariance: number;
  biasVariance: number;
  depth: number;
}

export interface SpectrumData extends GridPointChoice {
  experiment: FigureExperiment;
  /** Ascending, as the service keeps them: all, or the largest. */
  eigenvalues: ArrayLike<number>;
  /** The point's result row, for lambda_bulk. */
  row?: AnalysisRow | null | undefined;
}

export function spectrum(data: SpectrumData, options: FigureOptions): Drawing {
  const theme = themes[options.theme];
  const { experiment, row } = data;
  const falling = Array.from(data.eigenvalues).filter(Number.isFinite).reverse();
  const positive = falling.filter((value) => value > 0);
  const color = theme.series[0] as string;
  const symbol = `eigenvalue λ of ${kernelSymbol(data.kernel)}`;
  const bulk = row?.lambdaBulk ?? null;
  const horizontals = bulk !== null && bulk > 0 ? [{ at: bulk, label: 'λ_{bulk}' }] : [];
  const { boxes, height } = panelBoxes(2, options, theme, (width) => Math.min(width * 0.75, 480));
  const [first, second] = boxes as [(typeof boxes)[number], (typeof boxes)[number]];
  const scree = linePanel(
    first,
    {
      name: 'eigenvalues',
      series: [{ name: 'eigenvalues', label: '', points: positive.map((value, i) => [i + 1, value]), color }],
      x: { kind: 'log', title: 'index i' },
      y: { kind: 'log', title: symbol },
      horizontals,
    },
    theme,
  );
  const bins = densityOf(positive);
  const density = linePanel(
    second,
    {
      name: 'density',
      series: [{ name: 'density', label: '', points: outlineOf(bins), color, dots: 'none' }],
      x: { kind: 'log', title: symbol },
      y: {
        kind: 'linear',
        title: 'density per decade',
        domain: [0, 1.08 * Math.max(0.01, ...bins.map(({ density }) => density))],
      },
      verticals: horizontals,
    },
    theme,
  );
  const hidden = falling.length - positive.length;
  const negative = hidden > 0 ? ` ${countText(hidden)} eigenvalues that are not positive are left out.` : '';
  return {
    marks: [...scree.marks, ...density.marks],
    height,
    caption: `Spectrum: ${countText(falling.length)} eigenvalues, the largest first, and their density over log λ. Dotted: λ_bulk.${negative} ${sourceText(experiment, data)}`,
    table: {
      columns: [
        { name: 'index', symbol: 'i', unit: '' },
        { name: 'eigenvalue', symbol: 'λ', unit: '' },
      ],
      rows: falling.map((value, i) => [i + 1, value]),
    },
    panels: [scree.panel, density.panel],
  };
}

interface Bin {
  from: number;
  to: number;
  /** Share of the eigenvalues, a decade. */
  density: number;
}

/** A histogram over log10: as many bins as the cube root rule of a few hundred values suggests. */
export function densityOf(values: readonly number[]): Bin[] {
  if (values.length === 0) return [];
  const logs = values.map(Math.log10);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const count = Math.max(6, Math.min(60, Math.ceil(2.5 * Math.cbrt(values.length))));
  const width = (high - low || 1) / count;
  const counts = new Array<number>(count).fill(0);
  for (const log of logs) {
    const bin = Math.min(count - 1, Math.floor((log - low) / width));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts.map((inBin, i) => ({
    from: 10 ** (low + i * width),
    to: 10 ** (low + (i + 1) * width),
    density: inBin / values.length / width,
  }));
}

function outlineOf(bins: readonly Bin[]): [number, number][] {
  const first = bins[0];
  const last = bins.at(-1);
  if (first === undefined || last === undefined) return [];
  return [
    [first.from, 0],
    ...bins.flatMap(({ from, to, density }): [number, number][] => [
      [from, density],
      [to, density],
    ]),
    [last.to, 0],
  ];
}
