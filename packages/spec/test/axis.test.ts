import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisLength, expandAxis } from '../src/index.js';

describe('expandAxis', () => {
  it('returns a list in the request order, as a copy', () => {
    const list = [3, 1, 2];
    expect(expandAxis(list)).toEqual([3, 1, 2]);
    expect(expandAxis(list)).not.toBe(list);
  });

  it('makes count values with both ends exact, as numpy.linspace', () => {
    const values = expandAxis({ from: 0.5, to: 3, count: 40 });
    expect(values).toHaveLength(40);
    expect(values[0]).toBe(0.5);
    expect(values[1]).toBe(0.5 + 2.5 / 39);
    expect(values[39]).toBe(3);
    expect(expandAxis({ from: 0.1, to: 0.7, count: 4 }).at(-1)).toBe(0.7);
  });

  it('steps from the first value and includes the end where a step reaches it', () => {
    expect(expandAxis({ from: 0, to: 400, step: 10 })).toHaveLength(41);
    expect(expandAxis({ from: 0, to: 3, step: 0.01 })).toHaveLength(301);
    expect(expandAxis({ from: 0.1, to: 0.3, step: 0.1 })).toEqual([0.1, 0.2, 0.3]);
    expect(expandAxis({ from: 0.01, to: 0.25, step: 0.001 })).toHaveLength(241);
  });

  it('stops before the end where no step reaches it', () => {
    expect(expandAxis({ from: 0, to: 1, step: 0.4 })).toEqual([0, 0.4, 0.8]);
    expect(expandAxis({ from: 0, to: 1, step: 2 })).toEqual([0]);
  });

  it('agrees with axisLength, starts at from, rises and stays within the ends', () => {
    const ends = fc.tuple(
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.double({ min: 0.01, max: 10, noNaN: true }),
    );
    fc.assert(
      fc.property(ends, fc.integer({ min: 2, max: 200 }), fc.boolean(), ([from, width], count, byCount) => {
        const to = from + width;
        const axis = byCount ? { from, to, count } : { from, to, step: width / count };
        const values = expandAxis(axis);
        expect(values).toHaveLength(axisLength(axis));
        expect(values[0]).toBe(from);
        for (let i = 1; i < values.length; i++) {
          expect(values[i]).toBeGreaterThan(values[i - 1] as number);
          expect(values[i]).toBeLessThanOrEqual(to);
        }
        if (byCount) expect(values.at(-1)).toBe(to);
      }),
    );
  });
});
