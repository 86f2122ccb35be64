/** The definition of the dual activations, integrated numerically: what the closed forms must equal. */
import type { Activation } from '@tessera/spec';

/** erf by its series with positive terms (no cancellation). */
export function erf(x: number): number {
  const y = Math.abs(x);
  if (y > 6) return Math.sign(x);
  let term = y;
  let sum = y;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * y * y) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-y * y) * sum;
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** phi and phi'. */
export function pointwise(activation: Activation): { phi(x: number): number; derivative(x: number): number } {
  const piecewise = (a: number, b: number) => ({
    phi: (x: number) => a * Math.min(x, 0) + b * Math.max(x, 0),
    derivative: (x: number) => (x < 0 ? a : b),
  });
  const sine = (a: number, b: number, c: number) => ({
    phi: (x: number) => a * Math.sin(b * x + c),
    derivative: (x: number) => a * b * Math.cos(b * x + c),
  });
  switch (activation.name) {
    case 'identity':
      return piecewise(1, 1);
    case 'relu':
      return piecewise(0, 1);
    case 'leaky-relu':
      return piecewise(activation.alpha, 1);
    case 'abs':
      return piecewise(-1, 1);
    case 'abrelu':
      return piecewise(activation.a, activation.b);
    case 'erf':
      return { phi: erf, derivative: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) };
    case 'gelu': {
      const Phi = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;
      return { phi: (x) => x * Phi(x), derivative: (x) => Phi(x) + x * density(x) };
    }
    case 'sin':
      return sine(activation.a, activation.b, activation.c);
    case 'rbf':
      return sine(Math.SQRT2, Math.sqrt(2 * activation.gamma), Math.PI / 4);
    case 'tanh':
      return { phi: Math.tanh, derivative: (x) => 1 / Math.cosh(x) ** 2 };
  }
}

/** E[f(u) f(v)] by the trapezoid rule in two independent normals; exponentially accurate for smooth f. */
export function smoothExpectation(f: (x: number) => number, q1: number, q2: number, k: number): number {
  const step = 0.08;
  const nodes = Array.from({ length: 2 * 112 + 1 }, (_, i) => (i - 112) * step);
  const along = k / Math.sqrt(q1);
  const across = Math.sqrt(Math.max(0, q2 - along * along));
  let sum = 0;
  for (const x of nodes) {
    const fu = f(Math.sqrt(q1) * x) * density(x);
    for (const y of nodes) sum += fu * f(along * x + across * y) * density(y);
  }
  return sum * step * step;
}

/** The same for f homogeneous of degree 0 or 1 with a kink at 0: an integral over the angle alone. */
export function homogeneousExpectation(
  f: (x: number) => number,
  degree: 0 | 1,
  q1: number,
  q2: number,
  k: number,
): number {
  const count = 400_000;
  const along = k / Math.sqrt(q1);
  const across = Math.sqrt(Math.max(0, q2 - along * along));
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * (i + 0.5)) / count;
    const x = Math.cos(angle);
    sum += f(Math.sqrt(q1) * x) * f(along * x + across * Math.sin(angle));
  }
  return (sum / count) * (degree === 1 ? 2 : 1);
}
