import { describe, expect, it } from 'vitest';
import { renderHeatmap, renderResultTable } from '../src/index.js';
import { rowPosition } from '../src/phase-map.js';
import { viridis } from '../src/viridis.js';
import { fabricatedRows } from './fabricated-rows.js';

const plain = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '');
const widest = (text: string) =>
  Math.max(
    ...plain(text)
      .split('\n')
      .map((line) => [...line].length),
  );

describe('the map without colour', () => {
  const small = fabricatedRows({
    weightVariances: [0.5, 1, 1.5, 2, 2.5, 3],
    depths: [0, 5, 10, 20, 40],
    kernels: ['ntk'],
  });

  it('writes a digit a cell, depth growing upwards, the depth scales over it, the phases named', () => {
    expect(renderHeatmap(small, { columns: 100 })).toMatchInlineSnapshot(`
      "NTK, sigma_b^2 = 0.18
             training accuracy at t = 4096           test accuracy at t = 4096
               ordered   |  chaotic                    ordered   |  chaotic
       l 40  00000000oooo9999xxxx9999          l 40  00000000oooo8888xxxx0000
             0000oooo99999999xxxx9999                0000oooo99999999xxxx4444
             oooo99999999999999999999                oooo99999999999999999999
             999999999999999999999999                999999999999999999999999
          0  999999999999999999999999             0  999999999999999999999999
             0.5    sigma_w^2       3                0.5    sigma_w^2       3
             0 = 10.0 %, 9 = 100 %                   0 = 10.0 %, 9 = 40.0 %
             l: depth; o: 8 xi_1, trainable below it; x: 8 xi_*, generalizes below it; ?: no number"
    `);
  });

  it('marks cells that have no number', () => {
    const rows = small.filter((row) => row.depth < 40 || row.weightVariance > 1);
    expect(renderHeatmap(rows).split('\n')[3]).toContain('????????oooo9999');
  });

  it('puts the maps below each other where the terminal is narrow, and never writes past its edge', () => {
    const rows = fabricatedRows();
    for (const columns of [60, 80, 100, 130, 200]) {
      for (const colorDepth of [1, 24] as const) {
        expect(widest(renderHeatmap(rows, { columns, colorDepth }))).toBeLessThanOrEqual(columns);
      }
    }
    expect(renderHeatmap(rows, { columns: 80 }).split('\n').length).toBeGreaterThan(60);
    expect(renderHeatmap(rows, { columns: 100 }).split('\n').length).toBeLessThan(40);
  });

  it('thins a grid that is larger than the terminal', () => {
    const weightVariances = Array.from({ length: 300 }, (_, i) => 0.5 + i / 200);
    const rows = fabricatedRows({ weightVariances, depths: [0, 10, 20], kernels: ['ntk'] });
    expect(widest(renderHeatmap(rows, { columns: 80 }))).toBeLessThanOrEqual(80);
  });
});

describe('the map in colour', () => {
  it('has half the lines, in viridis from the lowest to the highest value', () => {
    const map = renderHeatmap(fabricatedRows(), { columns: 100, colorDepth: 24 });
    expect(
      plain(map)
        .split('\n')
        .filter((line) => line.includes('▀')),
    ).toHaveLength(15);
    expect(map).toContain('\u001b[38;2;253;231;37m');
    expect(map).toContain('\u001b[48;2;68;1;84m');
  });

  it('draws the depth scales in white over dark cells and black over light ones', () => {
    const map = renderHeatmap(fabricatedRows(), { columns: 100, colorDepth: 24 });
    expect(map).toContain('2;255;255;255m');
    expect(map).toContain('2;0;0;0m');
  });

  it('keeps to the 256 colours of a terminal that has no more', () => {
    const map = renderHeatmap(fabricatedRows(), { columns: 100, colorDepth: 8 });
    expect(map).toContain('\u001b[38;5;');
    expect(map).not.toContain(';2;');
  });
});

describe('no map', () => {
  it('of one value of sigma_w^2, of one depth, or of rows without accuracy', () => {
    expect(renderHeatmap([])).toBe('');
    expect(renderHeatmap(fabricatedRows({ weightVariances: [1] }))).toBe('');
    expect(renderHeatmap(fabricatedRows({ depths: [1] }))).toBe('');
    expect(renderHeatmap(fabricatedRows().map((row) => ({ ...row, dynamics: [] })))).toBe('');
  });

  it('of test accuracy where there are no test images', () => {
    const rows = fabricatedRows().map((row) => ({
      ...row,
      dynamics: row.dynamics.map((entry) => ({ ...entry, testAccuracy: null })),
    }));
    expect(renderHeatmap(rows)).toContain('training accuracy');
    expect(renderHeatmap(rows)).not.toContain('test accuracy');
  });
});

it('the time of a map can be chosen', () => {
  expect(renderHeatmap(fabricatedRows(), { time: 1 })).toContain('training accuracy at t = 1');
});

it('a depth between two listed ones lies between their rows, others below or above the map', () => {
  const depths = [1, 2, 10];
  expect([0.5, 1, 1.5, 2, 6, 10, 11].map((depth) => rowPosition(depths, depth))).toEqual([
    -1, 0, 0.5, 1, 1.5, 2, 3,
  ]);
});

it('viridis takes its ends at and beyond 0 and 1', () => {
  expect([viridis(-1), viridis(0)]).toEqual([
    [68, 1, 84],
    [68, 1, 84],
  ]);
  expect(viridis(1)).toEqual([253, 231, 37]);
  expect(viridis(0.5)).toEqual([33, 145, 140]);
});

describe('the table of the result', () => {
  it('shows the best row of each kernel and phase, and counts the statuses', () => {
    const text = renderResultTable(fabricatedRows());
    expect(text.split('\n').filter((line) => /^(ntk|nngp) /.test(line))).toHaveLength(4);
    expect(text).toMatch(/^ntk +ordered .* 40\.0 % +100 % +30\.8 .* ok$/m);
    expect(text).toContain('2,400 rows: 2,280 ok, 120 ill-conditioned');
  });

  it('says when there is nothing yet', () => {
    expect(renderResultTable([])).toBe('No result is complete yet.');
  });
});
