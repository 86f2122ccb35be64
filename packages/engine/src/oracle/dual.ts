/**
 * Dual activations: T = E[phi(u) phi(v)] and T' = E[phi'(u) phi'(v)] for (u, v) ~ N(0, [[q1, k], [k, q2]]).
 * Cho & Saul 2009 (relu), Williams 1997 (erf), and the closed forms of neural-tangents' stax for the others.
 */
import type { Activation } from '@tessera/spec';
import { tanhDual } from './tanh-dual.js';

export type Dual = (q1: number, q2: number, k: number) => { value: number; derivative: number };

/** The dual of an activation, as a function of the two variances and the covariance. */
export function dualOf(activation: Activation): Dual {
  switch (activation.name) {
    case 'identity':
      return (_q1, _q2, k) => ({ value: k, derivative: 1 });
    case 'relu':
      return abreluDual(0, 1);
    case 'leaky-relu':
      return abreluDual(activation.alpha, 1);
    case 'abs':
      return abreluDual(-1, 1);
    case 'abrelu':
      return abreluDual(activation.a, activation.b);
    case 'erf':
      return erfDual;
    case 'gelu':
      return geluDual;
    case 'sin':
      return sinDual(activation.a, activation.b, activation.c);
    case 'rbf':
      return rbfDual(activation.gamma);
    case 'tanh':
      return tanhDual;
  }
}

/** phi(x) = a min(x, 0) + b max(x, 0), by the angle between the two Gaussians (the arc-cosine kernel). */
function abreluDual(a: number, b: number): Dual {
  const kappa = (a - b) ** 2 / (2 * Math.PI);
  return (q1, q2, k) => {
    const sine = Math.sqrt(Math.max(q1 * q2 - k * k, 0));
    const derivative = (a * a + b * b) / 2 - kappa * Math.atan2(sine, k);
    return { value: kappa * sine + derivative * k, derivative };
  };
}

/** phi = erf; the arc sine in the form of an arc tangent, stable where the correlation is near 1. */
const erfDual: Dual = (q1, q2, k) => {
  const root = Math.sqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * k * k);
  return { value: (2 / Math.PI) * Math.atan2(2 * k, root), derivative: 4 / (Math.PI * root) };
};

/** phi(x) = x (1 + erf(x / sqrt 2)) / 2. */
const geluDual: Dual = (q1, q2, k) => {
  const product = (1 + q1) * (1 + q2);
  const squared = product - k * k;
  const root = Math.sqrt(squared);
  const angle = Math.atan2(k, root);
  const mixed = (k * k + q1 * q2 * squared) / (product * root);
  const slope = (k / root) * (1 / squared + (1 - q1 * q2) / product + 1);
  return {
    value: k / 4 + (k * angle + mixed) / (2 * Math.PI),
    derivative: 1 / 4 + (angle + slope) / (2 * Math.PI),
  };
};

/** phi(x) = a sin(b x + c). */
function sinDual(a: number, b: number, c: number): Dual {
  return (q1, q2, k) => {
    const half = (b * b * (q1 + q2)) / 2;
    const difference = Math.exp(b * b * k - half);
    const sum = Math.exp(-b * b * k - half) * Math.cos(2 * c);
    return { value: (a * a * (difference - sum)) / 2, derivative: (a * a * b * b * (difference + sum)) / 2 };
  };
}

/** phi(x) = sqrt 2 sin(sqrt(2 gamma) x + pi / 4), whose dual is the Gaussian (RBF) kernel. */
function rbfDual(gamma: number): Dual {
  return (q1, q2, k) => {
    const value = Math.exp(gamma * (2 * k - q1 - q2));
    return { value, derivative: 2 * gamma * value };
  };
}
