/** The activation functions: one closed schema each, every parameter required (theory.md, dual activations). */
import { type Static, type TSchema, Type } from 'typebox';

const activation = <N extends string, P extends Record<string, TSchema>>(
  name: N,
  parameters: P,
  description: string,
) => Type.Object({ name: Type.Literal(name), ...parameters }, { additionalProperties: false, description });

export const activationSchemas = {
  identity: activation('identity', {}, 'phi(x) = x'),
  relu: activation('relu', {}, 'phi(x) = max(x, 0)'),
  'leaky-relu': activation('leaky-relu', { alpha: Type.Number() }, 'phi(x) = alpha min(x, 0) + max(x, 0)'),
  abs: activation('abs', {}, 'phi(x) = |x|'),
  abrelu: activation('abrelu', { a: Type.Number(), b: Type.Number() }, 'phi(x) = a min(x, 0) + b max(x, 0)'),
  erf: activation('erf', {}, 'phi(x) = erf(x)'),
  gelu: activation('gelu', {}, 'phi(x) = x (1 + erf(x / sqrt 2)) / 2'),
  sin: activation('sin', { a: Type.Number(), b: Type.Number(), c: Type.Number() }, 'phi(x) = a sin(b x + c)'),
  rbf: activation(
    'rbf',
    { gamma: Type.Number({ exclusiveMinimum: 0 }) },
    'phi(x) = sqrt 2 sin(sqrt(2 gamma) x + pi / 4)',
  ),
  tanh: activation('tanh', {}, 'phi(x) = tanh(x); for the family fcn only, by a table of stated error'),
} as const;
export type ActivationName = keyof typeof activationSchemas;
export const activationNames = Object.keys(activationSchemas) as ActivationName[];

export const activationSchema = Type.Union(
  Object.values(activationSchemas) as unknown as [(typeof activationSchemas)[ActivationName]],
);
export type Activation = { [N in ActivationName]: Static<(typeof activationSchemas)[N]> }[ActivationName];

/** An activation by the one name of its form. */
export type FormOfActivation = Exclude<Activation, { name: 'relu' | 'leaky-relu' | 'abs' }>;

/** relu, leaky-relu and abs as the abrelu that each of them is; the others as they are. */
export function formOfActivation(activation: Activation): FormOfActivation {
  switch (activation.name) {
    case 'relu':
      return { name: 'abrelu', a: 0, b: 1 };
    case 'leaky-relu':
      return { name: 'abrelu', a: activation.alpha, b: 1 };
    case 'abs':
      return { name: 'abrelu', a: -1, b: 1 };
    default:
      return activation;
  }
}
