import { describe, expect, it } from 'vitest';
import { bytesText, durationText, numberText, ProgressLines, percentText } from '../src/index.js';
import { progressAt } from './stub-api.js';

function recorder(isTTY: boolean) {
  let timeMs = Date.parse('2026-03-01T12:00:00Z');
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    write: (text: string) => void written.push(text),
    getColorDepth: () => 1,
  };
  const lines = new ProgressLines(stream, () => timeMs);
  const wait = (seconds: number) => {
    timeMs += 1000 * seconds;
  };
  return { lines, written, wait };
}

describe('elsewhere than on a terminal', () => {
  it('one timestamped line at most every ten seconds, with rates and the time left', () => {
    const { lines, written, wait } = recorder(false);
    for (let second = 0; second <= 10; second++) {
      lines.update(progressAt(Math.floor(second / 2)));
      wait(1);
    }
    expect(written).toEqual([
      '2026-03-01T12:00:00Z tiles 0/10; analyses 0/10; strips 0/10; 8 s left\n',
      '2026-03-01T12:00:10Z tiles 5/10 at 0.5/s; analyses 5/10 at 0.5/s; strips 0/10; 8 s left\n',
    ]);
  });

  it('the last snapshot is always shown, failures included', () => {
    const { lines, written, wait } = recorder(false);
    lines.update(progressAt(1));
    wait(1);
    const progress = progressAt(2);
    lines.update({ ...progress, tiles: { ...progress.tiles, failed: 3 }, secondsLeft: null });
    lines.end();
    expect(written.at(-1)).toContain('tiles 2/10 at 1/s, 3 failed');
    expect(written.at(-1)).toContain('time left not known yet');
  });

  it('the last snapshot is shown once', () => {
    const { lines, written } = recorder(false);
    lines.update(progressAt(10));
    lines.update(progressAt(10));
    lines.end();
    expect(written).toHaveLength(1);
  });
});

describe('on a terminal', () => {
  it('bars are redrawn in place; a note stays above them', () => {
    const { lines, written, wait } = recorder(true);
    lines.update(progressAt(5));
    const [first] = written;
    expect(first?.split('\n')).toHaveLength(5);
    expect(first).toMatch(/^tiles {5}█{19}░{19} 5\/10$/m);
    wait(1);
    lines.update(progressAt(10));
    expect(written[1]).toBe('\u001b[4A\u001b[J');
    expect(written[2]).toMatch(/^tiles {5}█{38} 10\/10$/m);
    lines.note('e1 is completed');
    expect(written.slice(3, 5)).toEqual(['\u001b[4A\u001b[J', 'e1 is completed\n']);
  });

  it('no line is wider than the terminal', () => {
    const { lines, written, wait } = recorder(true);
    lines.update(progressAt(1));
    wait(3);
    lines.update(progressAt(2));
    for (const line of written.join('').split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
  });
});

describe('numbers for people', () => {
  it('have three significant digits, powers written out', () => {
    expect([0, 1.5, 0.18, 30.754, 12345.6, 1.3e-7, 3e301, null].map((value) => numberText(value))).toEqual([
      ...['0', '1.5', '0.18', '30.8', '12346', '1.30 x 10^-7', '3.00 x 10^301', '-'],
    ]);
    expect([0.098, 0.4123, 1, null].map(percentText)).toEqual(['9.80 %', '41.2 %', '100 %', '-']);
  });

  it('are durations in the two largest units and bytes in powers of 1000', () => {
    expect([0, 12, 185, 8040, 3600, 90_000].map(durationText)).toEqual([
      ...['0 s', '12 s', '3 min 5 s', '2 h 14 min', '1 h', '1 d 1 h'],
    ]);
    expect([0, 999, 25_300_000, 2e15].map(bytesText)).toEqual(['0 bytes', '999 bytes', '25.3 MB', '2 PB']);
  });
});
