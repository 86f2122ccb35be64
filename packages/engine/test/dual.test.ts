import type { Activation } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import { type Dual, dualOf, type Moments, type Pair } from '../src/index.js';

/** erf by its series, to 1e-16 for the arguments that carry weight here. */
function erf(x: number): number {
  if (Math.abs(x) > 5.9) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const normal = (x: number) => (1 + erf(x / Math.SQRT2)) / 2;

/** q_a, q_b, k of a pair. */
type Variances = [qa: number, qb: number, k: number];

interface Example {
  activation: Activation;
  phi: (x: number) => number;
  slope: (x: number) => number;
  /** Smooth functions converge exponentially; a kink costs the trapezoidal rule its order. */
  digits: number;
}
const examples: Example[] = [
  { activation: { name: 'identity' }, phi: (x) => x, slope: () => 1, digits: 11 },
  { activation: { name: 'relu' }, phi: (x) => Math.max(x, 0), slope: (x) => Number(x > 0), digits: 2 },
  {
    activation: { name: 'leaky-relu', alpha: 0.2 },
    phi: (x) => (x > 0 ? x : 0.2 * x),
    slope: (x) => (x > 0 ? 1 : 0.2),
    digits: 2,
  },
  { activation: { name: 'abs' }, phi: Math.abs, slope: Math.sign, digits: 2 },
  {
    activation: { name: 'abrelu', a: -0.3, b: 0.8 },
    phi: (x) => (x > 0 ? 0.8 * x : -0.3 * x),
    slope: (x) => (x > 0 ? 0.8 : -0.3),
    digits: 2,
  },
  {
    activation: { name: 'erf' },
    phi: erf,
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    digits: 9,
  },
  {
    activation: { name: 'gelu' },
    phi: (x) => x * normal(x),
    slope: (x) => normal(x) + x * density(x),
    digits: 9,
  },
  {
    activation: { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
    phi: (x) => 1.1 * Math.sin(0.9 * x + 0.3),
    slope: (x) => 0.99 * Math.cos(0.9 * x + 0.3),
    digits: 11,
  },
  {
    activation: { name: 'rbf', gamma: 0.8 },
    phi: (x) => Math.SQRT2 * Math.sin(Math.sqrt(1.6) * x + Math.PI / 4),
    slope: (x) => Math.sqrt(3.2) * Math.cos(Math.sqrt(1.6) * x + Math.PI / 4),
    digits: 11,
  },
  { activation: { name: 'tanh' }, phi: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2, digits: 11 },
];

/** E[f(u) f(v)] by the trapezoidal rule in two independent normals. */
function quadrature(f: (x: number) => number, q1: number, q2: number, k: number): number {
  const step = 0.05;
  const along = k / Math.sqrt(q1);
  const across = Math.sqrt(q2 - along * along);
  let total = 0;
  for (let i = -180; i <= 180; i++) {
    // Half a step off the origin: a node on a kink would count one side only.
    const x = (i + 0.5) * step;
    let inner = 0;
    for (let j = -180; j <= 180; j++) {
      const y = (j + 0.5) * step;
      inner += density(y) * f(along * x + across * y);
    }
    total += density(x) * f(Math.sqrt(q1) * x) * inner;
  }
  return total * step * step;
}

const pairOf = (qa: number, qb: number, k: number): Pair => ({
  qa,
  qb,
  e: qa - qb,
  delta: (qa + qb) / 2 - k,
});

/** T and T', as they follow from the complements. */
function plain(dual: Dual, qa: number, qb: number, k: number): Moments {
  const [a, b] = [dual.variance(qa), dual.variance(qb)];
  const pair = dual.pair(pairOf(qa, qb, k));
  expect((a.derivative + b.derivative) / 2 - pair.derivativeComplement).toBeCloseTo(pair.derivative, 12);
  return { value: (a.value + b.value) / 2 - pair.complement, derivative: pair.derivative };
}

describe('dual activations', () => {
  for (const { activation, phi, slope, digits } of examples) {
    it(`${activation.name}: closed form agrees with quadrature, for equal and unequal variances`, () => {
      for (const [q1, q2, k] of [
        [1.3, 0.7, 0.4],
        [1.3, 0.7, -0.4],
        [1, 1, 0.9],
        [0.5, 2, 0],
      ] as const) {
        const { value, derivative } = plain(dualOf(activation), q1, q2, k);
        expect(value).toBeCloseTo(quadrature(phi, q1, q2, k), digits);
        expect(derivative).toBeCloseTo(quadrature(slope, q1, q2, k), digits);
      }
    });
  }

  it('reproduces the printed test vector at (1.3, 0.7, 0.4)', () => {
    const vector: [Activation, number, number][] = [
      [{ name: 'erf' }, 0.1754796561, 0.4501581581],
      [{ name: 'gelu' }, 0.1880606767, 0.3248172218],
      [{ name: 'relu' }, 0.2653780915, 0.3188646692],
      [{ name: 'abrelu', a: 0.2, b: 1 }, 0.2498419786, 0.4040733883],
      [{ name: 'rbf', gamma: 0.8 }, 0.382892886, 0.6126286176],
      [{ name: 'sin', a: 1.1, b: 0.9, c: 0.3 }, 0.211468838, 0.4315519206],
    ];
    for (const [activation, value, derivative] of vector) {
      const dual = plain(dualOf(activation), 1.3, 0.7, 0.4);
      expect(dual.value).toBeCloseTo(value, 9);
      expect(dual.derivative).toBeCloseTo(derivative, 9);
    }
  });

  for (const { activation } of examples) {
    it(`${activation.name}: deviations and distances are differences of the duals themselves`, () => {
      const dual = dualOf(activation);
      const difference = (x: Moments, y: Moments) => [x.value - y.value, x.derivative - y.derivative];
      const { value, derivative } = dual.deviation(0.7, 1.3, 0.6);
      const [wanted, wantedSlope] = difference(dual.variance(1.3), dual.variance(0.7));
      expect(value).toBeCloseTo(wanted as number, 12);
      expect(derivative).toBeCloseTo(wantedSlope as number, 12);
      for (const [here, there] of [
        [
          [1.3, 0.7, 0.4],
          [0.9, 0.8, 0.5],
        ],
        [
          [1.3, 0.7, -0.4],
          [1.1, 0.8, 0.1],
        ],
        [
          [0.6, 0.7, -0.4],
          [0.7, 0.6, -0.3],
        ],
        [
          [0.6, 0.7, 0.6],
          [0.6, 0.6, 0.6],
        ],
      ] as [Variances, Variances][]) {
        const by = { qa: there[0] - here[0], qb: there[1] - here[1], k: there[2] - here[2] };
        const apart = dual.distance(pairOf(...here), pairOf(...there), by);
        const [value, slope] = difference(plain(dual, ...there), plain(dual, ...here));
        expect(apart.value).toBeCloseTo(value as number, 12);
        expect(apart.derivative).toBeCloseTo(slope as number, 12);
      }
    });

    it(`${activation.name}: complements keep their digits as two Gaussians become one`, () => {
      // To first order in delta with e = 0: T_aa - T_ab = T' delta, and T'_aa - T'_ab likewise but for kinks.
      const dual = dualOf(activation);
      const { complement, derivative, derivativeComplement } = dual.pair({
        qa: 0.7,
        qb: 0.7,
        e: 0,
        delta: 1e-30,
      });
      expect(complement / (derivative * 1e-30)).toBeCloseTo(1, 10);
      expect(derivative).toBeCloseTo(dual.variance(0.7).derivative, 10);
      const nearer = dual.pair({ qa: 0.7, qb: 0.7, e: 0, delta: 1e-32 }).derivativeComplement;
      const order = activation.name === 'identity' ? 0 : Math.log10(derivativeComplement / nearer);
      expect([0, 1, 2].map((n) => Math.abs(order - n)).some((gap) => gap < 1e-10)).toBe(true);
    });
  }
});
