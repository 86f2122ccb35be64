import { describe, expect, it } from 'vitest';
import { measurements } from '../../bench/measurements.mjs';
import { finishRow, table } from '../../bench/report.mjs';
import { chooseRows, type Row, rows } from '../../bench/rows.mjs';
import { interleaved, median } from '../../bench/timing.mjs';

const bars = {
  'fcn-erf-f64': 12,
  'fcn-erf-f32': 10,
  'fcn-relu-f64': 35,
  'fcn-relu-f32': 40,
  'fcn-erf-f64-kernel': 18,
  'fcn-erf-f32-kernel': 20,
  'fcn-relu-f64-kernel': 70,
  'fcn-relu-f32-kernel': 140,
  'fcn-erf-f64-test-train': 6,
  'cnn-flatten-relu-f64': 20,
  'cnn-flatten-relu-f32': 45,
  'cnn-gap-relu-f64': 40,
  'cnn-gap-relu-f32': 120,
  heatmap: 6,
  'depths-in-one-pass': 0.87,
  'registers-fcn': 0.75,
  'registers-cnn-gap-f32': 0.6,
  'registers-cnn-gap-f64': 0.55,
  'cnn-gap-same-padding-f32': 0.5,
  'cnn-gap-erf-f32': 0.4,
  'cnn-gap-gelu-f32': 0.2,
  eigensolver: 0.91,
  'service-overhead': 0.95,
  'two-workers': 1.9,
  tiny: 1,
};

describe('the rows of the bench', () => {
  it('have these ids and bars, in this order', () => {
    expect(Object.entries(bars)).toEqual(rows.map(({ id, bar }) => [id, bar]));
  });

  it('are each measured by one measurement', () => {
    const measured = measurements.flatMap(({ ids }) => ids);
    expect(measured.toSorted()).toEqual(Object.keys(bars).toSorted());
  });

  it('are chosen by id, by the beginning of ids, or all', () => {
    const ids = (...parts: string[]) => chooseRows(parts).chosen.map(({ id }) => id);
    expect(ids()).toHaveLength(rows.length);
    expect(ids('fcn-erf-f64')).toEqual(['fcn-erf-f64']);
    expect(ids('tiny', 'cnn-flatten')).toEqual(['cnn-flatten-relu-f64', 'cnn-flatten-relu-f32', 'tiny']);
    expect(chooseRows(['rnn', 'tiny']).unknown).toEqual(['rnn']);
  });
});

describe('a measured row', () => {
  const row = rows[0] as Row;
  const shape = ['id', 'what', 'unit', 'ours', 'reference', 'ratio', 'bar', 'met'];

  it('compares the reference with ours', () => {
    const done = finishRow(row, { ours: 10, reference: 130 });
    expect(Object.keys(done)).toEqual(shape);
    expect(done).toMatchObject({ ratio: 13, bar: 12, met: true });
    expect(finishRow(row, { ours: 10, reference: 119 }).met).toBe(false);
  });

  it('that could not be measured stays in the table, and says why', () => {
    const done = finishRow(row, { ours: null, reference: null, note: 'not measured: there is no python3' });
    expect(Object.keys(done)).toEqual([...shape, 'note']);
    expect(done).toMatchObject({ ours: null, reference: null, ratio: null, met: false });
    expect(table([done])).toContain('there is no python3');
  });

  it('is written with three figures', () => {
    expect(table([finishRow(row, { ours: 13.8123, reference: 342.7 })])).toContain('13.8        343');
  });
});

describe('times', () => {
  it('are taken in turn, and their medians given', async () => {
    const order: string[] = [];
    const side = (name: string, times: number[]) => async (round: number) => {
      order.push(name);
      return times[round] as number;
    };
    const result = await interleaved(3, {
      ours: side('ours', [3, 1, 2]),
      theirs: side('theirs', [9, 7, 50]),
    });
    expect(order).toEqual(['ours', 'theirs', 'ours', 'theirs', 'ours', 'theirs']);
    expect(result).toEqual({ ours: 2, theirs: 9 });
    expect(median([4, 1])).toBe(2.5);
  });
});
