import type { Activation } from '@tessera/spec';
import type { Dual } from './dual.js';
import { erfDual } from './erf.js';
import { geluDual } from './gelu.js';
import { piecewiseLinearDual } from './piecewise-linear.js';
import { rbfDual, sinDual } from './sinusoid.js';
import { tanhDual } from './tanh.js';

/** The dual activation of each activation of the spec, in closed form (tanh: to 1e-12, see tanh.ts). */
export function dual(activation: Activation): Dual {
  switch (activation.name) {
    case 'identity':
      return piecewiseLinearDual(1, 1);
    case 'relu':
      return piecewiseLinearDual(0, 1);
    case 'leaky-relu':
      return piecewiseLinearDual(activation.alpha, 1);
    case 'abs':
      return piecewiseLinearDual(-1, 1);
    case 'abrelu':
      return piecewiseLinearDual(activation.a, activation.b);
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
