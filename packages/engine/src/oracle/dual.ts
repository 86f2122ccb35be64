/**
 * Dual activations: T = E[phi(u) phi(v)] and T' = E[phi'(u) phi'(v)] for (u, v) ~ N(0, [[q_a, k], [k, q_b]]), and what of
 * them would cancel if it were computed by subtraction.
 */
import { type Activation, formOfActivation } from '@tessera/spec';
import { abreluDual } from './abrelu-dual.js';
import { erfDual } from './erf-dual.js';
import { geluDual } from './gelu-dual.js';
import { identityDual } from './identity-dual.js';
import { rbfDual, sinDual } from './sin-dual.js';
import { tanhDual } from './tanh-dual.js';

/** Two Gaussians: delta = (q_a + q_b)/2 - k and e = q_a - q_b are independent inputs, each with small relative error. */
export interface Pair {
  qa: number;
  qb: number;
  e: number;
  delta: number;
}

/** T and T', or a difference of two values of each. */
export interface Moments {
  value: number;
  derivative: number;
}

export interface PairMoments {
  /** (T_aa + T_bb)/2 - T_ab = E[(phi(u) - phi(v))^2]/2 */
  complement: number;
  /** T'_ab */
  derivative: number;
  /** (T'_aa + T'_bb)/2 - T'_ab = E[(phi'(u) - phi'(v))^2]/2 */
  derivativeComplement: number;
}

/** A pair beside the reference's pair of the same pixels: what reference - pair is in q_a, q_b and k. */
export interface Distance {
  qa: number;
  qb: number;
  k: number;
}

export interface Dual {
  /** T and T' of one Gaussian with itself. */
  variance(q: number): Moments;
  /** T(q_a) - T(q) and T'(q_a) - T'(q), where r = q_a - q. */
  deviation(q: number, qa: number, r: number): Moments;
  /** Each of its numbers to small relative error, however near u is to v. */
  pair(pair: Pair): PairMoments;
  /** T_ref - T_ab and T'_ref - T'_ab, for pairs near each other whose complements need not be small. */
  distance(pair: Pair, reference: Pair, by: Distance): Moments;
}

export function dualOf(activation: Activation): Dual {
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
      return tanhDual;
  }
}
