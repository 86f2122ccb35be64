import { type AccuracyMapData, drawFigure, hitTest, tableCsv } from '@tessera/figures';
import { criticalWeightVariance, meanField } from '@tessera/theory';
import { describe, expect, it } from 'vitest';
import { fabricatedExperiment, fabricatedRows } from './fabricated.js';
import { cellsOf, pathPoints, textsOf } from './read-svg.js';

const experiment = fabricatedExperiment();
const data: AccuracyMapData = { experiment, rows: fabricatedRows(experiment) };
const options = { width: 900, theme: 'light' } as const;

describe('the accuracy map', () => {
  it('has a cell for each point of the grid and split, and its axes named with symbols', () => {
    const { svg } = drawFigure('accuracy-map', data, options);
    expect(cellsOf(svg)).toHaveLength(2 * 11 * 7);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['weight variance σ_w²', 'depth ℓ', 'training accuracy', 'χ_1 = 1']),
    );
  });

  it('draws 8 xi_1, 8 xi_* and the critical line where packages/theory puts them', () => {
    const { svg, plot } = drawFigure('accuracy-map', data, options);
    const panel = plot.panels[0] as (typeof plot.panels)[number];
    const bias = 0.18;
    for (const [name, scale] of [
      ['xi1', 'xi1'],
      ['xi-star', 'xiStar'],
    ] as const) {
      const points = pathPoints(svg, name);
      expect(points.length).toBeGreaterThan(20);
      const first = points.slice(0, Math.floor(points.length / 2));
      let checked = 0;
      for (const [px, py] of first.slice(2, -2)) {
        if (px > panel.frame.x + panel.frame.width) continue;
        const depth = 8 * (meanField({ name: 'erf' }, panel.x.invert(px), bias)[scale] as number);
        expect(panel.y.position(depth)).toBeCloseTo(py, 0);
        checked++;
      }
      expect(checked).toBeGreaterThan(5);
    }
    const critical = criticalWeightVariance({ name: 'erf' }, bias) as number;
    expect(pathPoints(svg, 'critical')[0]?.[0]).toBeCloseTo(panel.x.position(critical), 1);
  });

  it('leaves rows that are not there to the hatch', () => {
    const half = { ...data, rows: data.rows.filter((row) => row.weightVariance < 1.6) };
    const { svg } = drawFigure('accuracy-map', half, options);
    expect(cellsOf(svg)).toHaveLength(2 * 5 * 7);
    expect(pathPoints(svg, 'hatch').length).toBeGreaterThan(100);
    const none = drawFigure('accuracy-map', { ...data, rows: [] }, options);
    expect(textsOf(none.svg)).toContain('training accuracy: no number yet');
  });

  it('says spec, data and normalization in its caption, and when images are made up', () => {
    const { caption } = drawFigure('accuracy-map', data, options);
    for (const part of [
      'NTK of a fully connected network, erf',
      'σ_b² = 0.18',
      'CIFAR-10',
      '64 training and 32 test',
      'standardized',
      't = 4,096',
      'η = 2/λ_max',
      '8 ξ_1',
    ])
      expect(caption).toContain(part);
    const made = { ...data, experiment: { ...experiment, isSynthetic: true } };
    expect(drawFigure('accuracy-map', made, options).caption).toContain('synthetic images');
  });

  it('finds the grid point under a place of the figure', () => {
    const { plot } = drawFigure('accuracy-map', data, options);
    const test = plot.panels[1] as (typeof plot.panels)[number];
    const hit = hitTest(plot, test.x.position(1.5), test.y.position(10));
    expect(hit?.panel.name).toBe('test');
    expect(hit?.x).toBeCloseTo(1.5);
    expect(hit?.y).toBe(10);
    expect(hitTest(plot, 1, 1)).toBeNull();
  });

  it('takes a ridge, the loss, and one split', () => {
    const { svg, table } = drawFigure(
      'accuracy-map',
      { ...data, at: { diagReg: 0.1 }, quantity: 'loss', splits: ['test'] },
      options,
    );
    expect(cellsOf(svg)).toHaveLength(77);
    expect(tableCsv(table).split('\r\n')[0]).toBe('weight_variance,bias_variance,depth [layers],test_loss');
    expect(table.rows).toHaveLength(77);
  });
});
