import type { Activation } from '@tessera/spec';

/** One of every activation of the spec. */
export const activations: readonly Activation[] = [
  { name: 'identity' },
  { name: 'relu' },
  { name: 'leaky-relu', alpha: 0.1 },
  { name: 'abs' },
  { name: 'abrelu', a: -0.3, b: 0.8 },
  { name: 'erf' },
  { name: 'gelu' },
  { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
  { name: 'rbf', gamma: 0.8 },
  { name: 'tanh' },
];
