/**
 * The experiment spec: the schema every type, validation, default and OpenAPI description comes from.
 * `ExperimentSpec` is the *filled* spec: every default present, absence written as null.
 */
import { type Static, type TSchema, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

export const kernelNameSchema = Type.Enum(['nngp', 'ntk']);
export type KernelName = Static<typeof kernelNameSchema>;

export const precisionSchema = Type.Enum(['f32', 'f64']);
export type Precision = Static<typeof precisionSchema>;

export const familySchema = Type.Enum(['fcn', 'cnn-flatten', 'cnn-gap']);
export type Family = Static<typeof familySchema>;

export const paddingSchema = Type.Enum(['circular', 'same']);
export type Padding = Static<typeof paddingSchema>;

const activation = <N extends string, P extends Record<string, TSchema>>(name: N, parameters: P) =>
  Type.Object({ name: Type.Literal(name), ...parameters }, closed);

/** One schema per activation; every parameter is required (theory.md, dual activations). */
export const activationSchemas = {
  identity: activation('identity', {}),
  relu: activation('relu', {}),
  'leaky-relu': activation('leaky-relu', { alpha: Type.Number() }),
  abs: activation('abs', {}),
  abrelu: activation('abrelu', { a: Type.Number(), b: Type.Number() }),
  erf: activation('erf', {}),
  gelu: activation('gelu', {}),
  sin: activation('sin', { a: Type.Number(), b: Type.Number(), c: Type.Number() }),
  rbf: activation('rbf', { gamma: Type.Number({ exclusiveMinimum: 0 }) }),
  tanh: activation('tanh', {}),
} as const;
export type ActivationName = keyof typeof activationSchemas;
export const activationSchema = Type.Union(Object.values(activationSchemas) as unknown as [
  (typeof activationSchemas)[ActivationName],
]);
export type Activation = { [N in ActivationName]: Static<(typeof activationSchemas)[N]> }[ActivationName];

/** A list of values, or a range with both ends included. */
export const axisSchema = Type.Union([
  Type.Array(Type.Number(), { minItems: 1 }),
  Type.Object({ from: Type.Number(), to: Type.Number(), count: Type.Integer({ minimum: 2 }) }, closed),
  Type.Object({ from: Type.Number(), to: Type.Number(), step: Type.Number({ exclusiveMinimum: 0 }) }, closed),
]);
export type Axis = Static<typeof axisSchema>;

const index = Type.Integer({ minimum: 0 });
/** Which images of a split: the first n (or n drawn by the seed), a range, or a list. */
export const selectionSchema = Type.Union([
  index,
  Type.Object({ offset: index, count: index }, closed),
  Type.Object({ indices: Type.Array(index) }, closed),
]);
export type Selection = Static<typeof selectionSchema>;

export const normalizationSchema = Type.Enum(['standardize', 'unit-sphere', 'scale', 'none']);
export type Normalization = Static<typeof normalizationSchema>;
export const labelsSchema = Type.Enum(['one-hot', 'centered', 'centered-over-images']);
export type Labels = Static<typeof labelsSchema>;

export const datasetSpecSchema = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 64, description: 'The name of a data set.' }),
    train: selectionSchema,
    test: selectionSchema,
    seed: Type.Union([Type.Integer({ minimum: 0, maximum: 4294967295 }), Type.Null()]),
    normalization: normalizationSchema,
    labels: labelsSchema,
  },
  closed,
);
export type DatasetSpec = Static<typeof datasetSpecSchema>;

export const architectureSchema = Type.Object(
  { family: familySchema, activation: activationSchema, filterSize: Type.Integer({ minimum: 1 }), padding: paddingSchema },
  closed,
);
export interface Architecture {
  family: Family;
  activation: Activation;
  filterSize: number;
  padding: Padding;
}

export const regressionSchema = Type.Object(
  { diagReg: Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 }) },
  closed,
);
export const dynamicsSchema = Type.Object(
  {
    times: Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 }),
    learningRate: Type.Union([Type.Literal('max'), Type.Number({ exclusiveMinimum: 0 })]),
  },
  closed,
);

export const experimentSpecSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    dataset: datasetSpecSchema,
    architecture: architectureSchema,
    grid: Type.Object({ weightVariance: axisSchema, biasVariance: axisSchema, depth: axisSchema }, closed),
    kernels: Type.Array(kernelNameSchema, { minItems: 1, maxItems: 2 }),
    precision: precisionSchema,
    tileSize: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1 })]),
    analysis: Type.Object(
      {
        spectrum: Type.Enum(['full', 'none']),
        regression: Type.Union([regressionSchema, Type.Null()]),
        dynamics: Type.Union([dynamicsSchema, Type.Null()]),
      },
      closed,
    ),
    keep: Type.Object({ kernels: Type.Enum(['none', 'train', 'all']), predictions: Type.Boolean() }, closed),
    numerics: Type.Enum(['pinned', 'any']),
  },
  closed,
);

/** A spec with every default filled in; what GET returns and what every other package reads. */
export interface ExperimentSpec extends Omit<Static<typeof experimentSpecSchema>, 'architecture'> {
  architecture: Architecture;
}
