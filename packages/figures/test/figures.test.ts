import {
  drawFigure,
  type FigureData,
  type FigureName,
  figureNames,
  printWidths,
  type ThemeName,
  tableCsv,
  tableNpy,
  themes,
} from '@tessera/figures';
import { correlationIterates, criticalWeightVariance, dual, meanField } from '@tessera/theory';
import { describe, expect, it } from 'vitest';
import { fabricatedExperiment, fabricatedRows, fabricatedTrainings } from './fabricated.js';
import { pathPoints, textsOf } from './read-svg.js';

const experiment = fabricatedExperiment();
const rows = fabricatedRows(experiment);
const erf = { name: 'erf' } as const;
const row = rows.find((one) => one.kernel === 'ntk' && one.weightVariance === 1.5 && one.depth === 10);
if (row === undefined) throw new Error('the grid has no such point');
const point = { kernel: 'ntk', weightVariance: 1.5, biasVariance: 0.18, depth: 10 } as const;
const classes = Int32Array.from({ length: 64 }, (_, i) => Math.floor(i / 16));
const axis = { start: 0, stop: 64, classes, images: 'training image' };
const other = {
  experiment: { ...experiment, id: 'e0other', name: 'another' },
  rows: rows.map((one) => ({ ...one })),
};

const examples: FigureData = {
  'phase-diagram': {
    activation: erf,
    weightRange: [0, 3],
    biasRange: [0, 0.25],
    points: [{ weightVariance: 1.5, biasVariance: 0.05 }],
    resolution: [36, 24],
  },
  'depth-scales': { activation: erf, biasVariances: [0.05], weightRange: [0.5, 3] },
  'correlation-map': { activation: erf, points: [{ weightVariance: 1.5, biasVariance: 0.05 }], layers: 50 },
  'accuracy-map': { experiment, rows },
  'spectrum-depth': { experiment, rows, weightVariances: [1, 1.5, 2.5] },
  'kappa-map': { experiment, rows },
  spectrum: {
    experiment,
    ...point,
    row,
    eigenvalues: Float64Array.from({ length: 64 }, (_, i) => 0.4 + i * i),
  },
  'learning-curves': { experiment, row },
  'mean-predictor': { experiment, rows },
  networks: { experiment, rows, trainings: fabricatedTrainings(rows) },
  'kernel-matrix': {
    experiment,
    ...point,
    rows: axis,
    columns: axis,
    block: {
      height: 64,
      width: 64,
      values: Float64Array.from({ length: 4096 }, (_, i) => (i % 65 === 0 ? 8 : 1)),
    },
    classNames: ['one', 'two', 'three', 'four'],
    reduction: 'mean',
  },
  'compare-maps': { experiments: [{ experiment, rows }, other] },
  'compare-lines': { experiments: [{ experiment, rows }, other], weightVariance: 1.5 },
  'difference-map': { experiments: [{ experiment, rows }, other] },
};

const looks: { theme: ThemeName; width: number }[] = [
  { theme: 'light', width: 360 },
  { theme: 'dark', width: 1200 },
  { theme: 'print', width: printWidths.column },
  { theme: 'print', width: printWidths.page },
];

function draw(name: FigureName, look: (typeof looks)[number]) {
  return drawFigure(name, examples[name] as never, look);
}

describe.each(figureNames)('%s', (name) => {
  it('stays within its picture, in every look, and is allowed by a strict policy', () => {
    for (const look of looks) {
      const { svg, plot, scene } = draw(name, look);
      expect(svg).not.toMatch(/ style=|<script|<style|NaN|undefined|Infinity| on[a-z]+=/);
      expect(scene.width).toBe(look.width);
      for (const { frame } of plot.panels) {
        expect(frame.x).toBeGreaterThanOrEqual(0);
        expect(frame.width).toBeGreaterThan(look.width / 6);
        expect(frame.height).toBeGreaterThan(themes[look.theme].size * 3);
        expect(frame.x + frame.width).toBeLessThanOrEqual(look.width);
        expect(frame.y + frame.height).toBeLessThan(plot.height);
      }
    }
  });

  it('names its axes, captions what it shows, and gives its data as CSV and .npy', () => {
    const { svg, caption, table } = draw(name, { theme: 'light', width: 900 });
    expect(textsOf(svg).filter((text) => /[a-zσκλξχΘ]/.test(text)).length).toBeGreaterThanOrEqual(2);
    expect(caption.length).toBeGreaterThan(80);
    expect(caption).not.toMatch(/undefined|NaN|\{/);
    expect(table.rows.length).toBeGreaterThan(0);
    expect(tableCsv(table).split('\r\n')).toHaveLength(table.rows.length + 2);
    for (const cells of table.rows) expect(cells).toHaveLength(table.columns.length);
    const npy = tableNpy(table);
    expect(new TextDecoder('latin1').decode(npy.subarray(1, 6))).toBe('NUMPY');
    expect((10 + new DataView(npy.buffer).getUint16(8, true)) % 64).toBe(0);
  });
});

describe('theory over data', () => {
  it('puts the critical line of the phase diagram where packages/theory has it', () => {
    const { svg, plot } = draw('phase-diagram', { theme: 'light', width: 900 });
    const panel = plot.panels[0] as (typeof plot.panels)[number];
    const line = pathPoints(svg, 'critical');
    expect(line.length).toBeGreaterThan(40);
    for (const [x, y] of line.slice(4, 70)) {
      const weight = criticalWeightVariance(erf, panel.y.invert(y));
      expect(panel.x.invert(x)).toBeCloseTo(weight as number, 2);
    }
  });

  it('draws contours on which the depth scale has the level', () => {
    const { svg, plot } = drawFigure(
      'phase-diagram',
      { ...examples['phase-diagram'], resolution: [96, 64] },
      { theme: 'light', width: 900 },
    );
    const panel = plot.panels[0] as (typeof plot.panels)[number];
    for (const [name, scale] of [
      ['xi1-10', 'xi1'],
      ['xi-star-10', 'xiStar'],
    ] as const) {
      const line = pathPoints(svg, name).filter(([, y]) => panel.y.invert(y) > 0.02);
      expect(line.length).toBeGreaterThan(20);
      for (const [x, y] of line) {
        expect(meanField(erf, panel.x.invert(x), panel.y.invert(y))[scale]).toBeGreaterThan(9);
        expect(meanField(erf, panel.x.invert(x), panel.y.invert(y))[scale]).toBeLessThan(11);
      }
    }
  });

  it('draws the cobweb on the correlation map of packages/theory', () => {
    const { svg, plot } = draw('correlation-map', { theme: 'light', width: 900 });
    const panel = plot.panels[0] as (typeof plot.panels)[number];
    const { qStar } = meanField(erf, 1.5, 0.05);
    const stairs = pathPoints(svg, 'cobweb');
    const c1 = correlationIterates(dual(erf), 1.5, qStar as number, 0.5, 1)[1] as number;
    expect(panel.y.invert((stairs[1] as [number, number])[1])).toBeCloseTo(c1, 3);
  });

  it('fits only the constant of an order, and takes leading terms as they are', () => {
    const { svg, caption, plot } = draw('spectrum-depth', { theme: 'light', width: 900 });
    expect(caption).toContain('Table 1');
    expect(caption).toContain('constant is fitted');
    const kappa = plot.panels[0] as (typeof plot.panels)[number];
    // Chaotic NTK: kappa -> 1.
    const flat = pathPoints(svg, 'theory-2');
    expect(kappa.y.invert((flat[0] as [number, number])[1])).toBeCloseTo(1, 1);
  });
});

describe('colours', () => {
  it('have AA contrast wherever they are text', () => {
    for (const theme of Object.values(themes)) {
      const paper = theme.background ?? '#ffffff';
      for (const color of [theme.ink, theme.faint, ...theme.series])
        expect([theme.name, color, contrast(color, paper) >= 4.5]).toEqual([theme.name, color, true]);
      expect(contrast(theme.overMap.line, theme.overMap.halo)).toBeGreaterThan(7);
    }
  });
});

function contrast(a: string, b: string): number {
  const luminance = (color: string) => {
    const value = Number.parseInt(color.slice(1), 16);
    const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255].map((byte) => {
      const share = byte / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}
