import { type Activation, formOfActivation } from '@tessera/spec';
import type { Algebra, Tensor } from '../algebra.js';
import { abreluDifference } from './abrelu-difference.js';
import { erfDifference, geluDifference } from './arc-difference.js';
import { identityDifference, rbfDifference, sinDifference } from './exponential-difference.js';
import type { Parameters } from './pair-dual.js';

/** Of pairs, times the layer's scale: T_ref - T_ab, T'_ab and T'_ref - T'_ab; the last is null where T' is the same for all pairs. */
export interface DifferenceTensors {
  difference: Tensor;
  slope: Tensor;
  slopeDifference: Tensor | null;
}

/**
 * A dual activation counted from the reference's pair of the same two pixels, D = K_ref - K_ab: what pooling with zero
 * padding carries where the pixels differ, since there complements have a floor that all images share
 * (docs/performance.md, "The forms of the duals"). q = reference + r is a pixel's variance.
 */
export interface DifferenceDual {
  /** Numbers of an image's pixel. */
  parameters: number;
  describe(reference: number, q: number, r: number, write: (index: number, value: number) => void): void;
  /** Numbers of a pixel pair of the reference, delta = (qa + qb)/2 - K_ref. */
  references: number;
  describeReference(
    delta: number,
    qa: number,
    qb: number,
    write: (index: number, value: number) => void,
  ): void;
  pair(difference: Tensor, a: Parameters, b: Parameters, reference: Parameters): DifferenceTensors;
}

export type MakeDifferenceDual = (o: Algebra, scale: number) => DifferenceDual;

export function differenceDualOf(activation: Activation): MakeDifferenceDual | null {
  const form = formOfActivation(activation);
  switch (form.name) {
    case 'identity':
      return identityDifference;
    case 'abrelu':
      return abreluDifference(form.a, form.b);
    case 'erf':
      return erfDifference;
    case 'gelu':
      return geluDifference;
    case 'sin':
      return sinDifference(form.a, form.b, form.c);
    case 'rbf':
      return rbfDifference(form.gamma);
    case 'tanh':
      return null;
  }
}
