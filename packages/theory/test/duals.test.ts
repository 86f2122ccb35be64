import type { Activation } from '@tessera/spec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dual, tanhNodes } from '../src/index.js';
import { activations, title } from './activations.js';
import { erf, homogeneousExpectation, pointwise, smoothExpectation } from './quadrature.js';

describe('the test vector (q1, q2, k) = (1.3, .7, .4)', () => {
  const rows: [Activation, number, number][] = [
    [{ name: 'erf' }, 0.1754796561, 0.4501581581],
    [{ name: 'gelu' }, 0.1880606767, 0.3248172218],
    [{ name: 'relu' }, 0.2653780915, 0.3188646692],
    [{ name: 'abrelu', a: 0.2, b: 1 }, 0.2498419786, 0.4040733883],
    [{ name: 'rbf', gamma: 0.8 }, 0.382892886, 0.6126286176],
    [{ name: 'sin', a: 1.1, b: 0.9, c: 0.3 }, 0.211468838, 0.4315519206],
  ];
  for (const [activation, T, dT] of rows) {
    it(`holds to ten digits for ${title(activation)}`, () => {
      expect(dual(activation).T(1.3, 0.7, 0.4)).toBeCloseTo(T, 10);
      expect(dual(activation).dT(1.3, 0.7, 0.4)).toBeCloseTo(dT, 10);
    });
  }
});

const point = fc.record({
  q1: fc.double({ min: 0.01, max: 4, noNaN: true }),
  q2: fc.double({ min: 0.01, max: 4, noNaN: true }),
  c: fc.double({ min: -0.99, max: 0.99, noNaN: true }),
});
const hasKink = (activation: Activation): boolean =>
  ['relu', 'leaky-relu', 'abs', 'abrelu'].includes(activation.name);

describe('closed forms', () => {
  for (const activation of activations) {
    const { phi, derivative } = pointwise(activation);
    const form = dual(activation);

    it(`equal quadrature of their definition for ${title(activation)}`, () => {
      fc.assert(
        fc.property(point, ({ q1, q2, c }) => {
          const k = c * Math.sqrt(q1 * q2);
          if (hasKink(activation)) {
            expect(Math.abs(form.T(q1, q2, k) - homogeneousExpectation(phi, 1, q1, q2, k))).toBeLessThan(
              1e-8,
            );
            expect(
              Math.abs(form.dT(q1, q2, k) - homogeneousExpectation(derivative, 0, q1, q2, k)),
            ).toBeLessThan(2e-5);
          } else {
            expect(Math.abs(form.T(q1, q2, k) - smoothExpectation(phi, q1, q2, k))).toBeLessThan(1e-10);
            expect(Math.abs(form.dT(q1, q2, k) - smoothExpectation(derivative, q1, q2, k))).toBeLessThan(
              1e-10,
            );
          }
        }),
        { numRuns: 6, seed: 7 },
      );
    });

    it(`agree on the diagonal, and T' is the derivative of T, for ${title(activation)}`, () => {
      fc.assert(
        fc.property(point, ({ q1, q2, c }) => {
          expect(form.variance(q1)).toBeCloseTo(form.T(q1, q1, q1), 12);
          const h = 1e-5 * q1;
          const slope = (form.variance(q1 + h) - form.variance(q1 - h)) / (2 * h);
          expect(Math.abs(form.varianceDerivative(q1) - slope)).toBeLessThan(2e-8 + 1e-6 * Math.abs(slope));
          const k = 0.9 * c * Math.sqrt(q1 * q2);
          const step = 1e-5 * Math.sqrt(q1 * q2);
          const slopeK = (form.T(q1, q2, k + step) - form.T(q1, q2, k - step)) / (2 * step);
          expect(Math.abs(form.dT(q1, q2, k) - slopeK)).toBeLessThan(1e-7);
        }),
        { numRuns: 50, seed: 7 },
      );
    });

    it(`are symmetric in the two variances for ${title(activation)}`, () => {
      fc.assert(
        fc.property(point, ({ q1, q2, c }) => {
          const k = c * Math.sqrt(q1 * q2);
          expect(form.T(q1, q2, k)).toBeCloseTo(form.T(q2, q1, k), 13);
          expect(form.dT(q1, q2, k)).toBeCloseTo(form.dT(q2, q1, k), 13);
        }),
      );
    });
  }

  it('of tanh rest on a sum of erfs that is tanh to 1e-12 everywhere', () => {
    let worst = 0;
    for (let x = 1e-4; x < 40; x *= 1.07) {
      const sum = tanhNodes.reduce((total, { weight, scale }) => total + weight * erf(scale * x), 0);
      worst = Math.max(worst, Math.abs(sum / Math.tanh(x) - 1));
    }
    expect(worst).toBeLessThan(1e-12);
  });
});

describe('exact small networks', () => {
  const gram = (a: number[], b: number[]): number =>
    a.reduce((sum, ai, i) => sum + ai * (b[i] as number), 0) / a.length;
  const [x, y] = [
    [1, 2, 3],
    [3, -1, 2],
  ] as const;

  /** [K11, K12, Theta11, Theta12] after `depth` layers (theory.md, recursions). */
  function run(
    activation: Activation,
    weightVariance: number,
    biasVariance: number,
    depth: number,
  ): number[] {
    const { T, dT } = dual(activation);
    let k = [gram([...x], [...x]), gram([...x], [...y]), gram([...y], [...y])] as [number, number, number];
    let theta = [...k] as [number, number, number];
    for (let layer = 0; layer < depth; layer++) {
      const [k11, k12, k22] = k;
      const pairs = [
        [k11, k11, k11],
        [k11, k22, k12],
        [k22, k22, k22],
      ] as const;
      k = pairs.map((pair) => weightVariance * T(...pair) + biasVariance) as typeof k;
      theta = pairs.map(
        (pair, i) => (k[i] as number) + weightVariance * dT(...pair) * (theta[i] as number),
      ) as typeof k;
    }
    return [k[0], k[1], theta[0], theta[1]];
  }

  const rows: [Activation, number, number, number, number[]][] = [
    [{ name: 'erf' }, 1.5, 0.05, 1, [1.126422984747, 0.497453555433, 3.13617642239, 0.9808113208]],
    [{ name: 'erf' }, 1.5, 0.05, 3, [0.67594964934, 0.311903220608, 3.811399381602, 1.049132380621]],
    [{ name: 'erf' }, 1.5, 0.05, 10, [0.602091610817, 0.356720933744, 9.183816267287, 2.231960267088]],
    [{ name: 'relu' }, 2, 0, 1, [4.666666666667, 2.841989644873, 9.333333333333, 4.397545200429]],
    [{ name: 'relu' }, 2, 0, 3, [4.666666666667, 3.444598230738, 18.666666666667, 8.109941836338]],
    [{ name: 'relu' }, 2, 0, 10, [4.666666666667, 4.189018072434, 51.333333333333, 19.172307123306]],
  ];
  for (const [activation, weightVariance, biasVariance, depth, expected] of rows) {
    it(`have the kernels of the table: ${activation.name}, depth ${depth}`, () => {
      const entries = run(activation, weightVariance, biasVariance, depth);
      for (const [i, value] of expected.entries()) expect(entries[i]).toBeCloseTo(value, 11);
    });
  }
});
