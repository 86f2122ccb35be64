import { describe, expect, it } from 'vitest';
import { type ElementaryName, elementaryNames, loadLibrary } from '../src/library.js';

/**
 * Largest error in units of the last place over the function's range, against Math's functions. The
 * comment in native/elementary.h states the polynomials' errors; what is measured here has the rounding of every step.
 */
const bounds: [ElementaryName, number, number, { f64: number; f32: number }][] = [
  ['atan', -1e6, 1e6, { f64: 4, f32: 4 }],
  ['atan', -2, 2, { f64: 4, f32: 4 }],
  ['angle', 0, 0.5, { f64: 3, f32: 3 }],
  ['segment', 0, 0.5, { f64: 5, f32: 4 }],
  ['exp', -87, 0, { f64: 3, f32: 2 }],
  ['expm1', -87, 0, { f64: 3, f32: 2 }],
  ['tanh', -20, 20, { f64: 5, f32: 4 }],
];

/** In doubles, below 2 ulp. */
const exact: Record<ElementaryName, (x: number) => number> = {
  atan: Math.atan,
  angle: (z) => 2 * Math.asin(Math.sqrt(z)),
  segment,
  exp: Math.exp,
  expm1: Math.expm1,
  tanh: Math.tanh,
};

/** (sin t - t cos t) / sin^2(t/2) at t = 2 asin(sqrt z), by its series in z, whose terms are positive. */
function segment(z: number): number {
  let sum = 1;
  for (let n = 60; n >= 1; n--) sum = 1 + (z * (2 * n - 1) ** 2 * sum) / (2 * n * (2 * n + 3));
  return (8 * Math.sqrt(z) * sum) / 3;
}

/** Evenly spaced points, and points that crowd the ends of the range and zero down to 1e-30. */
function points(low: number, high: number): number[] {
  const result: number[] = [];
  const count = 100_003;
  for (let i = 0; i <= count; i++) result.push(low + ((high - low) * i) / count);
  for (let e = 1; e <= 1e30; e *= 1.07) {
    for (const x of [low + (high - low) / e, high - (high - low) / e, 1 / e, -1 / e]) {
      if (x >= low && x <= high) result.push(x);
    }
  }
  return result;
}

function largestError(
  x: Float64Array | Float32Array,
  y: Float64Array | Float32Array,
  wantedAt: (x: number) => number,
) {
  const precision = x instanceof Float64Array ? 53 : 24;
  let largest = 0;
  x.forEach((at, i) => {
    const wanted = wantedAt(at);
    const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(wanted))), -126) - precision + 1);
    const error = wanted === 0 ? Math.abs(y[i] as number) : Math.abs((y[i] as number) - wanted) / unit;
    largest = Math.max(largest, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  });
  return largest;
}

describe.each(loadLibrary().instructionSets)('elementary functions on $name', (isa) => {
  for (const [name, low, high, bound] of bounds) {
    it(`${name} stays within ${bound.f64} ulp (f64) and ${bound.f32} ulp (f32) over [${low}, ${high}]`, () => {
      const double = Float64Array.from(points(low, high));
      const single = Float32Array.from(points(low, high));
      const library = loadLibrary();
      expect(largestError(double, library.elementary(isa, name, double), exact[name])).toBeLessThan(
        bound.f64,
      );
      expect(largestError(single, library.elementary(isa, name, single), exact[name])).toBeLessThan(
        bound.f32,
      );
    });
  }

  it('exp goes on to the edges of the range: 0 far below, infinity far above, NaN for NaN', () => {
    const x = Float64Array.of(
      -1e4,
      -709,
      710,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0,
      -0,
    );
    const y = loadLibrary().elementary(isa, 'exp', x);
    expect([...y]).toEqual([0, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, Number.NaN, 1, 1]);
  });

  it('gives every lane the same bits', () => {
    const library = loadLibrary();
    for (const name of elementaryNames) {
      for (const x of [0.02, 0.3, 0.41]) {
        expect(new Set(library.elementary(isa, name, new Float64Array(37).fill(x))).size).toBe(1);
        expect(new Set(library.elementary(isa, name, new Float32Array(37).fill(x))).size).toBe(1);
      }
    }
  });
});
