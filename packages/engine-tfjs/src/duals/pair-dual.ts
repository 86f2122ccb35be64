import { type Activation, formOfActivation } from '@tessera/spec';
import type { Algebra, Tensor } from '../algebra.js';
import { abreluDual } from './abrelu.js';
import { erfDual } from './erf.js';
import { geluDual } from './gelu.js';
import { identityDual } from './identity.js';
import { rbfDual, sinDual } from './sin.js';

/** An image's parameters by number, in a shape that broadcasts against the pairs'. */
export type Parameters = (index: number) => Tensor;

/** Of pairs, times the layer's scale: delta_T, T'_ab and D'; D' is null where T' is the same for all pairs. */
export interface PairTensors {
  complement: Tensor;
  slope: Tensor;
  slopeComplement: Tensor | null;
}

/**
 * A dual activation in complement form on tensors: what of it belongs to one image alone is computed once an image, in
 * float64, and handed to the pairs as parameters (docs/performance.md, "The forms of the duals").
 */
export interface PairDual {
  parameters: number;
  /** T'_aa does not depend on the variance. */
  levelSlopes: boolean;
  /** Writes an image's parameters, of its variance q = reference + r. */
  describe(reference: number, q: number, r: number, write: (index: number, value: number) => void): void;
  /** Swapping a and b changes no bit. */
  pair(delta: Tensor, a: Parameters, b: Parameters): PairTensors;
}

/** @param scale what the complement and the slopes are multiplied by: sigma_w^2 over the pixels of the filter */
export type MakePairDual = (o: Algebra, scale: number) => PairDual;

/** null where the engine has no form of the activation. */
export function pairDualOf(activation: Activation): MakePairDual | null {
  const form = formOfActivation(activation);
  switch (form.name) {
    case 'identity':
      return identityDual;
    case 'abrelu':
      return abreluDual(form.a, form.b);
    case 'erf':
      return erfDual;
    case 'gelu':
      return geluDual;
    case 'sin':
      return sinDual(form.a, form.b, form.c);
    case 'rbf':
      return rbfDual(form.gamma);
    case 'tanh':
      return null;
  }
}
