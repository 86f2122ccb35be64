/** phi(x) = x: T = k, T' = 1. */
import type { Dual } from './dual.js';

export const identityDual: Dual = {
  variance: (q) => ({ value: q, derivative: 1 }),
  deviation: (_q, _qa, r) => ({ value: r, derivative: 0 }),
  pair: ({ delta }) => ({ complement: delta, derivative: 1, derivativeComplement: 0 }),
  distance: (_pair, _reference, { k }) => ({ value: k, derivative: 0 }),
};
