import { abs, add, erf, mul, relu, sin, sub, type Tensor, tanh } from '@tensorflow/tfjs-core';
import type { Activation } from '@tessera/spec';

/** phi(x), as the spec's activations are defined. */
export function applyActivation(activation: Activation, x: Tensor): Tensor {
  switch (activation.name) {
    case 'identity':
      return x;
    case 'relu':
      return relu(x);
    case 'leaky-relu':
      return kinked(x, activation.alpha, 1);
    case 'abs':
      return abs(x);
    case 'abrelu':
      return kinked(x, activation.a, activation.b);
    case 'erf':
      return erf(x);
    case 'gelu':
      return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
    case 'sin':
      return mul(sin(add(mul(x, activation.b), activation.c)), activation.a);
    case 'rbf':
      return mul(sin(add(mul(x, Math.sqrt(2 * activation.gamma)), Math.PI / 4)), Math.SQRT2);
    case 'tanh':
      return tanh(x);
  }
}

/** a min(x, 0) + b max(x, 0) */
const kinked = (x: Tensor, a: number, b: number): Tensor => sub(mul(relu(x), b), mul(relu(mul(x, -1)), a));
