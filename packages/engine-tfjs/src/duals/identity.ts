/** phi(x) = x: delta_T = delta, T' = 1. */
import { scoped, tensor } from '../algebra.js';
import type { MakePairDual } from './pair-dual.js';

export const identityDual: MakePairDual = (o, scale) => {
  const slope = o.keep(() => scoped(() => tensor([scale], [1, 1, 1, 1], 'float32')));
  return {
    parameters: 0,
    levelSlopes: true,
    describe: () => {},
    pair: (delta) => ({ complement: o.mul(delta, scale), slope, slopeComplement: null }),
  };
};
