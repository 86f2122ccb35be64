/** Activations for the tests: all of the spec, fixed and random. */
import type { Activation } from '@tessera/spec';
import fc from 'fast-check';

export const activations: readonly Activation[] = [
  { name: 'identity' },
  { name: 'relu' },
  { name: 'leaky-relu', alpha: 0.2 },
  { name: 'abs' },
  { name: 'abrelu', a: 0.3, b: 1.2 },
  { name: 'erf' },
  { name: 'gelu' },
  { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
  { name: 'sin', a: 1, b: 1, c: Math.PI / 2 },
  { name: 'rbf', gamma: 0.8 },
  { name: 'tanh' },
];

export const title = (activation: Activation): string => JSON.stringify(activation);

const parameter = fc.oneof(
  fc.double({ min: -3, max: 3, noNaN: true }),
  fc.double({ min: -1e200, max: 1e200, noNaN: true }),
  fc.constantFrom(0, 1, -1, 1e-300),
);

/** Any activation the spec accepts, extreme parameters included. */
export const anyActivation: fc.Arbitrary<Activation> = fc.oneof(
  fc.constantFrom(...activations),
  parameter.map((alpha) => ({ name: 'leaky-relu' as const, alpha })),
  fc.tuple(parameter, parameter).map(([a, b]) => ({ name: 'abrelu' as const, a, b })),
  fc.tuple(parameter, parameter, parameter).map(([a, b, c]) => ({ name: 'sin' as const, a, b, c })),
  parameter.map((gamma) => ({ name: 'rbf' as const, gamma: Math.abs(gamma) + 1e-300 })),
);
