import type { Activation } from '@tessera/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  correlationIterates,
  criticalWeightVariance,
  dual,
  type MeanField,
  meanField,
  theoryRows,
  varianceMap,
} from '../src/index.js';
import { activations, anyActivation, title } from './activations.js';

const erf: Activation = { name: 'erf' };
const tanh: Activation = { name: 'tanh' };

describe('the critical line', () => {
  const erfLine: [number, number, number][] = [
    [0.01, 1.11428, 0.25321],
    [0.05, 1.375839, 0.517177],
    [0.1, 1.552118, 0.726359],
    [0.18, 1.747604, 0.987788],
    [0.2, 1.78818, 1.045933],
    [0.25, 1.880547, 1.183272],
  ];
  it.each(erfLine)(
    'of erf at bias variance %f is %f, with q* = %f',
    (biasVariance, weightVariance, qStar) => {
      const found = criticalWeightVariance(erf, biasVariance) as number;
      expect(found).toBeCloseTo(weightVariance, 6);
      const point = meanField(erf, found, biasVariance);
      expect(point.phase).toBe('critical');
      expect(point.qStar).toBeCloseTo(qStar, 6);
      expect(point.cStar).toBeCloseTo(1, 6);
    },
  );

  it.each([
    [0.01, 1.424205],
    [0.05, 1.760955],
    [0.1, 1.986073],
    [0.18, 2.233929],
    [0.2, 2.285152],
  ])('of tanh at bias variance %f is %f', (biasVariance, weightVariance) => {
    expect(criticalWeightVariance(tanh, biasVariance)).toBeCloseTo(weightVariance, 6);
  });

  it("starts at 1/phi'(0)^2 without bias: pi/4 for erf, 1 for tanh", () => {
    expect(criticalWeightVariance(erf, 0)).toBeCloseTo(Math.PI / 4, 14);
    expect(criticalWeightVariance(tanh, 0)).toBeCloseTo(1, 14);
  });

  it('is a point at bias variance 0 for relu and its like', () => {
    expect(criticalWeightVariance({ name: 'relu' }, 0)).toBe(2);
    expect(criticalWeightVariance({ name: 'leaky-relu', alpha: 0.2 }, 0)).toBeCloseTo(2 / 1.04, 15);
    expect(criticalWeightVariance({ name: 'relu' }, 0.1)).toBeNull();
    expect(criticalWeightVariance({ name: 'abrelu', a: 0, b: 0 }, 0)).toBeNull();
  });

  it('is 1/(2 gamma) for rbf, whatever the bias', () => {
    expect(criticalWeightVariance({ name: 'rbf', gamma: 0.8 }, 0.3)).toBeCloseTo(0.625, 14);
  });

  it('does not name a weight variance whose q* the iteration does not reach', () => {
    expect(criticalWeightVariance({ name: 'gelu' }, 0.01)).toBeNull();
  });

  it('parts the ordered from the chaotic phase for every activation that has both', () => {
    for (const activation of activations) {
      for (const biasVariance of [0.01, 0.1, 1]) {
        if (activation.name === 'gelu') continue;
        const critical = criticalWeightVariance(activation, biasVariance);
        if (critical === null) continue;
        expect(meanField(activation, critical, biasVariance).phase).toBe('critical');
        expect(meanField(activation, critical * 0.999, biasVariance).phase).toBe('ordered');
        expect(meanField(activation, critical * 1.001, biasVariance).phase).toBe('chaotic');
      }
    }
  });
});

describe('erf', () => {
  it.each([
    [1.25, 0.05, 0.435166, 0.961374, 25.386],
    [1.0, 0.18, 0.520875, 0.725084, 3.111],
  ])(
    'is ordered at (%f, %f), with the numbers of the table',
    (weightVariance, biasVariance, qStar, chi1, xi1) => {
      const point = meanField(erf, weightVariance, biasVariance);
      expect(point).toMatchObject({ phase: 'ordered', cStar: 1, xiStar: null, warnings: [] });
      expect(point.qStar).toBeCloseTo(qStar, 6);
      expect(point.chi1).toBeCloseTo(chi1, 6);
      expect(point.chiC).toBe(point.chi1);
      expect(point.xi1).toBeCloseTo(xi1, 3);
      expect(point.xiC).toBe(point.xi1);
    },
  );

  it.each([
    [1.5, 0.05, 0.601753, 0.82053, 1.0347, 0.969552, 15.377],
    [2.0, 0.18, 1.16755, 0.837075, 1.069402, 0.942351, 7.907],
    [2.5, 0.18, 1.542227, 0.616261, 1.188841, 0.880478, 3.33],
    [3.0, 0.18, 1.933787, 0.476949, 1.292398, 0.847977, 2.373],
  ])(
    'is chaotic at (%f, %f), with the numbers of the table',
    (weightVariance, biasVariance, qStar, cStar, chi1, chiC, xiStar) => {
      const point = meanField(erf, weightVariance, biasVariance);
      expect(point).toMatchObject({ phase: 'chaotic', xi1: null, warnings: [] });
      expect(point.qStar).toBeCloseTo(qStar, 6);
      expect(point.cStar).toBeCloseTo(cStar, 6);
      expect(point.chi1).toBeCloseTo(chi1, 6);
      expect(point.chiC).toBeCloseTo(chiC, 6);
      expect(point.xiStar).toBeCloseTo(xiStar, 3);
      expect(point.xiC).toBeCloseTo(-1 / Math.log(chiC), 2);
    },
  );

  it('without bias keeps uncorrelated images uncorrelated in the chaotic phase', () => {
    expect(meanField(erf, 2, 0)).toMatchObject({ phase: 'chaotic', cStar: 0 });
  });
});

const noNumbers = { qStar: null, cStar: null, chi1: null, chiC: null, xi1: null, xiStar: null, xiC: null };

describe('phases', () => {
  it('is degenerate, without numbers, where q* is 0', () => {
    const cases: [Activation, number, number][] = [
      [erf, 0.5, 0],
      [erf, Math.PI / 4, 0],
      [tanh, 1, 0],
      [{ name: 'relu' }, 1.5, 0],
      [{ name: 'gelu' }, 2, 0],
      [{ name: 'sin', a: 1, b: 1, c: 0 }, 0.9, 0],
      [{ name: 'rbf', gamma: 1 }, 0, 0],
      [{ name: 'identity' }, 0, 0],
    ];
    for (const [activation, weightVariance, biasVariance] of cases) {
      const point = meanField(activation, weightVariance, biasVariance);
      expect(point, title(activation)).toMatchObject({ phase: 'degenerate', ...noNumbers });
      expect(point.warnings).toHaveLength(1);
    }
  });

  it('is unbounded, without numbers, where q* is infinite', () => {
    const cases: [Activation, number, number][] = [
      [{ name: 'relu' }, 2, 0.1],
      [{ name: 'relu' }, 2.3, 0],
      [{ name: 'abs' }, 1.1, 0.1],
      [{ name: 'identity' }, 1, 0.1],
      [{ name: 'gelu' }, 2.3, 0.1],
      [erf, Number.MAX_VALUE, Number.MAX_VALUE],
    ];
    for (const [activation, weightVariance, biasVariance] of cases) {
      const point = meanField(activation, weightVariance, biasVariance);
      expect(point, title(activation)).toMatchObject({ phase: 'unbounded', ...noNumbers });
      expect(point.warnings).toHaveLength(1);
    }
  });

  it('is critical with q* = 1 for relu and its like without bias, and says that every q is fixed', () => {
    const cases: [Activation, number][] = [
      [{ name: 'relu' }, 2],
      [{ name: 'abs' }, 1],
      [{ name: 'leaky-relu', alpha: 0.2 }, 2 / 1.04],
      [{ name: 'leaky-relu', alpha: 0.1 }, 2 / 1.01],
    ];
    for (const [activation, weightVariance] of cases) {
      const point = meanField(activation, weightVariance, 0);
      expect(point, title(activation)).toMatchObject({ phase: 'critical', qStar: 1, cStar: 1 });
      expect(point.warnings.join()).toContain('Every variance is a fixed point');
    }
  });

  it('is critical for the identity at (1, 0), where every correlation stays', () => {
    const point = meanField({ name: 'identity' }, 1, 0);
    expect(point).toMatchObject({
      phase: 'critical',
      qStar: 1,
      cStar: 0.5,
      chi1: 1,
      xi1: null,
      xiStar: null,
    });
    expect(point.warnings).toHaveLength(2);
  });

  it('is ordered with chi_1 = 0 and depth scales of 0 without weights', () => {
    for (const activation of activations) {
      expect(meanField(activation, 0, 0.3)).toEqual({
        phase: 'ordered',
        qStar: 0.3,
        cStar: 1,
        chi1: 0,
        chiC: 0,
        xi1: 0,
        xiStar: null,
        xiC: 0,
        warnings: [],
      });
    }
  });

  it('has q* = sw2 + sb2 for rbf, whose variance map is constant', () => {
    expect(meanField({ name: 'rbf', gamma: 0.8 }, 1.2, 0.1).qStar).toBeCloseTo(1.3, 15);
  });
});

describe('near criticality', () => {
  const critical = criticalWeightVariance(erf, 0.18) as number;

  it('xi_* follows 1/(2 (chi_1 - 1)) down to the last digits', () => {
    for (const offset of [1e-4, 1e-5, 3e-6, 1e-6, 1e-7, 1e-9, 1e-11]) {
      const { chi1, xiStar, chiC } = meanField(erf, critical * (1 + offset), 0.18);
      const excess = (chi1 as number) - 1;
      expect(excess).toBeGreaterThan(0);
      expect((xiStar as number) * 2 * excess).toBeCloseTo(1, 2);
      expect((1 - (chiC as number)) / excess).toBeCloseTo(1, 2);
    }
  });

  it('xi_1 follows 1/(1 - chi_1)', () => {
    for (const offset of [1e-4, 1e-7, 1e-10]) {
      const { chi1, xi1, cStar } = meanField(erf, critical * (1 - offset), 0.18);
      expect((xi1 as number) * (1 - (chi1 as number))).toBeCloseTo(1, 3);
      expect(cStar).toBe(1);
    }
  });

  it('counts |chi_1 - 1| <= 1e-6 as critical', () => {
    const phases = [-1e-5, -1e-7, 0, 1e-7, 1e-5].map(
      (offset) => meanField(erf, critical * (1 + offset), 0.18).phase,
    );
    expect(phases).toEqual(['ordered', 'critical', 'critical', 'critical', 'chaotic']);
  });
});

/** Plain iteration, the definition of the fixed points; null where it is too slow to tell. */
function iterate(map: (x: number) => number, start: number): number | null {
  let x = start;
  for (let i = 0; i < 5000; i++) {
    const next = map(x);
    if (Math.abs(next - x) <= 1e-14 * Math.abs(next)) return next;
    x = next;
  }
  return null;
}

describe('fixed points', () => {
  const points = fc.record({
    activation: fc.constantFrom(...activations),
    weightVariance: fc.double({ min: 0, max: 4, noNaN: true }),
    biasVariance: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('are those that plain iteration reaches from q = 1 and c = 1/2', () => {
    fc.assert(
      fc.property(points, ({ activation, weightVariance, biasVariance }) => {
        const point = meanField(activation, weightVariance, biasVariance);
        const form = dual(activation);
        const q = iterate(varianceMap(form, weightVariance, biasVariance), 1);
        if (q !== null && Number.isFinite(q) && q > 1e-12) {
          expect(Math.abs((point.qStar as number) / q - 1)).toBeLessThan(1e-9);
        }
        const { qStar, cStar } = point;
        // Subnormal variances have too few digits for C(1) = 1.
        if (qStar === null || cStar === null || qStar < 1e-290) return;
        const c = iterate(
          (c) => (weightVariance * form.T(qStar, qStar, c * qStar) + biasVariance) / qStar,
          0.5,
        );
        if (c !== null) expect(Math.abs(cStar - c)).toBeLessThan(1e-6);
      }),
      { numRuns: 400 },
    );
  });

  it('finds the nearer fixed point where gelu has several', () => {
    const gelu: Activation = { name: 'gelu' };
    for (const [weightVariance, biasVariance] of [
      [1.9999, 0.01],
      [1.9999, 0.5],
      [2, 0.01],
      [1.98, 0.1],
    ] as const) {
      const reached = iterate(varianceMap(dual(gelu), weightVariance, biasVariance), 1);
      const { qStar } = meanField(gelu, weightVariance, biasVariance);
      if (reached !== null) expect((qStar as number) / reached).toBeCloseTo(1, 6);
      else
        expect(varianceMap(dual(gelu), weightVariance, biasVariance)(qStar as number)).toBeCloseTo(
          qStar as number,
          6,
        );
    }
  });
});

/** The promises every answer keeps. */
function expectSane(point: MeanField): void {
  const { warnings, phase, ...numbers } = point;
  for (const value of Object.values(numbers)) {
    if (value !== null) expect(Number.isFinite(value)).toBe(true);
  }
  if (phase === 'degenerate' || phase === 'unbounded') {
    expect(numbers).toEqual(noNumbers);
    expect(warnings.length).toBeGreaterThan(0);
    return;
  }
  const { qStar, cStar, chi1, chiC, xi1, xiStar } = numbers as Record<keyof typeof numbers, number>;
  expect(qStar).toBeGreaterThan(0);
  expect(cStar).toBeGreaterThanOrEqual(0);
  expect(cStar).toBeLessThanOrEqual(1);
  expect(chi1).toBeGreaterThanOrEqual(0);
  expect(chiC).toBeGreaterThanOrEqual(0);
  expect(phase).toBe(Math.abs(chi1 - 1) <= 1e-6 ? 'critical' : chi1 < 1 ? 'ordered' : 'chaotic');
  if (chi1 >= 1) expect(xi1).toBeNull();
  else expect(xi1).toBeGreaterThanOrEqual(0);
  if (chi1 <= 1) expect(xiStar).toBeNull();
  if (phase === 'chaotic') expect(xiStar).toBeGreaterThanOrEqual(0);
}

describe('every answer', () => {
  const variance = fc.oneof(
    fc.double({ min: 0, max: 5, noNaN: true }),
    fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }),
    fc.constantFrom(0, 1, 2, Number.MIN_VALUE, 1e-300, Number.MAX_VALUE),
  );

  it('is finite or null, and consistent, for any activation and any variances', () => {
    fc.assert(
      fc.property(anyActivation, variance, variance, (activation, weightVariance, biasVariance) => {
        expectSane(meanField(activation, weightVariance, biasVariance));
        const critical = criticalWeightVariance(activation, biasVariance);
        if (critical !== null) expect(Number.isFinite(critical)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('correlation iterates', () => {
  it('approach c* = 1 like chi_1^l in the ordered phase', () => {
    const { qStar, chi1 } = meanField(erf, 1.25, 0.05);
    const iterates = correlationIterates(dual(erf), 1.25, qStar as number, 0.5, 400);
    expect(iterates).toHaveLength(401);
    expect(iterates[0]).toBe(0.5);
    const rate = (1 - (iterates[201] as number)) / (1 - (iterates[200] as number));
    expect(rate).toBeCloseTo(chi1 as number, 4);
  });

  it('approach c* < 1 like chi_c*^l in the chaotic phase', () => {
    const { qStar, cStar, chiC } = meanField(erf, 1.5, 0.05);
    const iterates = correlationIterates(dual(erf), 1.5, qStar as number, 0.5, 400);
    expect(iterates[400]).toBeCloseTo(cStar as number, 5);
    const distance = (l: number): number => (iterates[l] as number) - (cStar as number);
    expect(distance(151) / distance(150)).toBeCloseTo(chiC as number, 3);
  });
});

describe('theory rows', () => {
  it('come weight variance by weight variance, numbers and lists alike', () => {
    const rows = theoryRows({ activation: erf, weightVariance: [1, 2], biasVariance: [0.05, 0.18] });
    expect(rows.map(({ weightVariance, biasVariance }) => [weightVariance, biasVariance])).toEqual([
      [1, 0.05],
      [1, 0.18],
      [2, 0.05],
      [2, 0.18],
    ]);
    expect(rows[1]).toEqual({ weightVariance: 1, biasVariance: 0.18, ...meanField(erf, 1, 0.18) });
    expect(theoryRows({ activation: erf, weightVariance: 1, biasVariance: 0.18 })).toEqual([rows[1]]);
  });

  it('cover a phase diagram of 300 x 240 points in a few seconds', () => {
    const weightVariance = Array.from({ length: 300 }, (_, i) => 0.01 * (i + 1));
    const biasVariance = Array.from({ length: 240 }, (_, i) => 0.01 + 0.001 * i);
    const start = performance.now();
    const rows = theoryRows({ activation: erf, weightVariance, biasVariance });
    expect(performance.now() - start).toBeLessThan(5000);
    for (const [b, bias] of [...biasVariance.entries()].filter(([b]) => b % 40 === 0)) {
      const line = criticalWeightVariance(erf, bias) as number;
      const column = rows.filter((_, index) => index % biasVariance.length === b);
      expect(column.every(({ weightVariance, chi1 }) => (chi1 as number) < 1 === weightVariance < line)).toBe(
        true,
      );
    }
  });
});
