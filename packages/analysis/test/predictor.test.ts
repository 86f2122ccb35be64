import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import {
  analyzeMatrix,
  decodePredictor,
  encodePredictor,
  predictorLength,
  type StripPredictor,
  scoreStrip,
} from '../src/index.js';
import { erfComplements, spherePoints } from './erf-complements.js';

const linalg = openLinalg({ threads: 2 });
const size = 100;
const columns = 4;
const wave = (length: number, step: number) =>
  Float64Array.from({ length }, (_, i) => Math.sin(step * i + 1));

const predictor = (route: StripPredictor['route']): StripPredictor => ({
  route,
  solutions: wave(size * columns, 0.3),
  center: wave(size, 0.7),
  meanDeviation: 0.25,
  slopes: wave(columns, 0.2),
  constants: Float64Array.of(1, Number.NaN, 2, 3),
});

describe('a predictor', () => {
  it.each(['plain', 'graded'] as const)('of the %s route survives encoding, NaN included', (route) => {
    const whole = predictor(route);
    const numbers = encodePredictor(whole);
    expect(numbers).toHaveLength(predictorLength(size, columns));
    expect(decodePredictor(numbers, size, columns)).toEqual(whole);
  });

  it('of other sizes, or of no known route, is refused', () => {
    const numbers = encodePredictor(predictor('graded'));
    expect(() => decodePredictor(numbers, size, columns + 1)).toThrow('are no predictor');
    numbers[0] = 7;
    expect(() => decodePredictor(numbers, size, columns)).toThrow('are no predictor');
  });

  it('that is graded predicts G . solutions + u slopes + constants, whatever the number of rows', async () => {
    const graded = { ...predictor('graded'), constants: wave(columns, 2) };
    const rows = 130;
    const values = wave(rows * size, 0.11);
    const rowDeviations = wave(rows, 0.4);
    const score = (first: number, end: number) =>
      scoreStrip(linalg, {
        predictor: graded,
        values: values.subarray(first * size, end * size),
        rowDeviations: rowDeviations.subarray(first, end),
        rows: end - first,
        size,
        classes: 2,
        testLabels: new Int32Array(end - first),
        targets: new Float64Array(2 * (end - first)),
        meanTargets: new Float64Array(2 * (end - first)),
      });
    const before = values.slice();
    const { predictions } = await score(0, rows);
    expect(values).toEqual(before);
    for (const row of [0, 63, 64, 129]) {
      const g = graded.center.map((value, i) => value - (values[row * size + i] as number));
      const mean = g.reduce((sum, value) => sum + value, 0) / size;
      const u = size * (((rowDeviations[row] as number) - graded.meanDeviation) / 2 + mean);
      for (let c = 0; c < columns; c++) {
        const along = g.reduce(
          (sum, value, i) => sum + value * (graded.solutions[i * columns + c] as number),
          0,
        );
        const expected = along + u * (graded.slopes[c] as number) + (graded.constants[c] as number);
        expect(predictions[row * columns + c]).toBeCloseTo(expected, 11);
      }
    }
  });
});

describe('the flag of a graded matrix', () => {
  const points = spherePoints(size, 60, 3);
  const analyze = (precision: 'f64' | 'f32', change: (e: Float64Array) => Float64Array = (e) => e) => {
    const { complement, reference } = erfComplements(points, points, 1, 0.18, 60);
    const labels = new Float64Array(size);
    return analyzeMatrix(linalg, {
      complement: change(complement),
      reference,
      deviations: new Float64Array(size),
      async readMatrix() {
        throw new Error('a graded matrix is not read');
      },
      precision,
      size,
      labels,
      meanLabels: labels,
      classes: 1,
      trainLabels: new Int32Array(size),
      spectrum: 'full',
      diagReg: [],
      times: [],
      learningRate: 'max',
      wantSolutions: false,
    });
  };
  /** E of images that differ by this factor of what they did. */
  const scaled = (factor: number) => (e: Float64Array) => e.map((value) => value * factor);

  it('is ok where its bulk is far below the rounding of lambdaMax', async () => {
    const result = await analyze('f64');
    expect(result.predictor.route).toBe('graded');
    expect((result.lambdaMin as number) / (result.lambdaMax as number)).toBeLessThan(1e-9);
    expect(result.status).toBe('ok');
    expect((await analyze('f64', scaled(1e-100))).status).toBe('ok');
  });

  it('is ill-conditioned where an image is there twice, naming f64 for f32 entries', async () => {
    // The second image becomes the first; e^T E e of both is rounding.
    const twice = (e: Float64Array) => {
      const same = e.slice();
      for (let i = 0; i < size; i++) same[size + i] = same[i] as number;
      for (let i = 0; i < size; i++) same[i * size + 1] = same[i * size] as number;
      return same;
    };
    const double = await analyze('f64', twice);
    expect(double.status).toBe('ill-conditioned');
    expect(double.warnings.join()).toContain('below the bound of its own error');
    expect(double.warnings.join()).not.toContain('f64');
    expect((await analyze('f32', twice)).warnings.join()).toContain('with the precision f64');
  });

  it('is within its bound where entries are rounded to f32', async () => {
    const exact = await analyze('f64');
    const rounded = await analyze('f32', (e) => {
      const same = e.map(Math.fround);
      return same;
    });
    expect(rounded.status).toBe('ok');
    exact.eigenvalues?.forEach((value, i) => {
      expect(Math.abs((rounded.eigenvalues?.[i] as number) / value - 1)).toBeLessThan(5e-5);
    });
  });

  it('is underflow where the complement has left the normal numbers', async () => {
    const result = await analyze('f64', scaled(1e-304));
    expect(result.status).toBe('underflow');
    expect(result.warnings.join()).toContain('The complement underflows');
    expect((await analyze('f32', scaled(1e-32))).status).toBe('underflow');
    expect((await analyze('f64', scaled(0))).status).toBe('underflow');
  });
});

describe('a spectrum of the largest eigenvalues', () => {
  it('is the end of the full one, and the other numbers are the same', async () => {
    const { complement, matrix, reference } = erfComplements(
      spherePoints(size, 60, 3),
      spherePoints(size, 60, 3),
      1,
      0.18,
      10,
    );
    const labels = new Float64Array(size);
    const ask = (spectrum: 'full' | { top: number }) =>
      analyzeMatrix(linalg, {
        complement: complement.slice(),
        reference,
        deviations: new Float64Array(size),
        async readMatrix(into) {
          into.set(matrix);
        },
        precision: 'f64',
        size,
        labels,
        meanLabels: labels,
        classes: 1,
        trainLabels: new Int32Array(size),
        spectrum,
        diagReg: [],
        times: [],
        learningRate: 'max',
        wantSolutions: false,
      });
    const full = await ask('full');
    const top = await ask({ top: 7 });
    expect(top).toEqual({ ...full, eigenvalues: full.eigenvalues?.slice(size - 7) });
  });
});
