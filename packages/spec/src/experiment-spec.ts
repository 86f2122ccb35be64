/**
 * The experiment spec: the schema every type, validation, default and OpenAPI description comes from.
 * `ExperimentSpec` is the *filled* spec: every default present, absence written as null.
 * A property with a `default` may be left out of a request; every other one is required.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { type Activation, activationSchema } from './activation.js';
import { depthAxisSchema, varianceAxisSchema } from './axis.js';
import { inputSchemaOf, type JsonSchema } from './json-schema.js';
import { specLimits } from './limits.js';

const closed = { additionalProperties: false } as const;
const nullable = <S extends TSchema>(schema: S, options: { default?: null; description?: string } = {}) =>
  Type.Union([schema, Type.Null()], options);

export const kernelNameSchema = Type.Enum(['nngp', 'ntk']);
export type KernelName = Static<typeof kernelNameSchema>;

/** The engines that an experiment can ask for by name. */
export const engineNames = ['native', 'opencl', 'tfjs'] as const;
export type EngineName = (typeof engineNames)[number];

export const precisionSchema = Type.Enum(['f32', 'f64'], {
  default: 'f64',
  description: 'Precision of tile computation and storage; analysis is always float64.',
});
export type Precision = Static<typeof precisionSchema>;

export const familySchema = Type.Enum(['fcn', 'cnn-flatten', 'cnn-gap']);
export type Family = Static<typeof familySchema>;

export const paddingSchema = Type.Enum(['circular', 'same'], { default: 'circular' });
export type Padding = Static<typeof paddingSchema>;

/** Names a data set may have: no path separators, no leading dot. */
export const datasetNameSchema = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description:
    'the name of a data set: letters, digits, ".", "_" and "-", at most 64, a letter or digit first',
});

const index = Type.Integer({ minimum: 0, maximum: specLimits.index });
const positive = Type.Integer({ minimum: 1, maximum: specLimits.index });
const selection = (
  count: typeof index,
  minItems: number,
  options: { default?: number; description: string },
) =>
  Type.Union(
    [
      count,
      Type.Object(
        { offset: index, count },
        { ...closed, description: 'Images offset .. offset + count - 1.' },
      ),
      Type.Object(
        { indices: Type.Array(index, { minItems, maxItems: specLimits.indices, uniqueItems: true }) },
        { ...closed, description: 'These images; kept in ascending order.' },
      ),
    ],
    options,
  );
/** Which images of a split: the first n (or n drawn by the seed), a range, or a list. */
export const selectionSchema = selection(index, 0, {
  default: 0,
  description: 'Test images: the first n (with a seed: n drawn, classes balanced), a range, or a list.',
});
export type Selection = Static<typeof selectionSchema>;

/** The number of images that a selection names. */
export function selectedCount(selection: Selection): number {
  if (typeof selection === 'number') return selection;
  return 'count' in selection ? selection.count : selection.indices.length;
}

const trainSelectionSchema = selection(positive, 1, {
  description: 'Training images: the first n (with a seed: n drawn, classes balanced), a range, or a list.',
});

export const normalizationSchema = Type.Enum(['standardize', 'unit-sphere', 'scale', 'none'], {
  default: 'standardize',
});
export type Normalization = Static<typeof normalizationSchema>;
export const labelsSchema = Type.Enum(['one-hot', 'centered', 'centered-over-images'], {
  default: 'centered',
});
export type Labels = Static<typeof labelsSchema>;

export const datasetSpecSchema = Type.Object(
  {
    id: datasetNameSchema,
    train: trainSelectionSchema,
    test: selectionSchema,
    seed: nullable(Type.Integer({ minimum: 0, maximum: 4_294_967_295 }), {
      default: null,
      description: 'Draws counts of images, classes balanced; null takes them in file order.',
    }),
    normalization: normalizationSchema,
    labels: labelsSchema,
  },
  closed,
);
export type DatasetSpec = Static<typeof datasetSpecSchema>;

export const architectureSchema = Type.Object(
  {
    family: familySchema,
    activation: activationSchema,
    filterSize: Type.Integer({
      minimum: 1,
      maximum: specLimits.filterSize,
      default: 3,
      description: 'Pixels on a side of the filter, odd; CNN families only.',
    }),
    padding: paddingSchema,
  },
  closed,
);
export interface Architecture {
  family: Family;
  activation: Activation;
  filterSize: number;
  padding: Padding;
}

const analysisValues = { minItems: 1, maxItems: specLimits.analysisValues, uniqueItems: true } as const;
export const regressionSchema = Type.Object(
  {
    diagReg: Type.Array(Type.Number({ minimum: 0 }), {
      ...analysisValues,
      default: [0],
      description: 'Ridges r of Theta + r tr(Theta)/m I.',
    }),
  },
  closed,
);
export const dynamicsSchema = Type.Object(
  {
    times: Type.Array(Type.Number({ minimum: 0 }), {
      ...analysisValues,
      description: 'Gradient-flow times.',
    }),
    learningRate: Type.Union([Type.Literal('max'), Type.Number({ exclusiveMinimum: 0 })], {
      default: 'max',
      description: '"max" is 2/lambda_max of each kernel.',
    }),
  },
  closed,
);
export const spectrumSchema = Type.Union(
  [
    Type.Enum(['full', 'none']),
    Type.Object({ top: positive }, { ...closed, description: 'The largest eigenvalues, this many.' }),
  ],
  {
    default: 'full',
    description:
      'Every eigenvalue, none, or the largest ones: these also where the matrix does not fit in memory.',
  },
);
export type Spectrum = Static<typeof spectrumSchema>;

/** The number of eigenvalues that a spectrum of m training images has. */
export function eigenvalueCount(spectrum: Spectrum, train: number): number {
  if (spectrum === 'none') return 0;
  return spectrum === 'full' ? train : spectrum.top;
}

export const analysisSchema = Type.Object(
  {
    spectrum: spectrumSchema,
    regression: nullable(regressionSchema, {
      default: null,
      description: 'Ridge regression; null for none.',
    }),
    dynamics: nullable(dynamicsSchema, { default: null, description: 'Gradient flow; null for none.' }),
  },
  { ...closed, default: { spectrum: 'full', regression: null, dynamics: null } },
);
export const trainingSchema = Type.Object(
  {
    width: Type.Integer({
      minimum: 1,
      maximum: specLimits.trainingWidth,
      description: 'Neurons, or channels, of every hidden layer.',
    }),
    steps: Type.Integer({
      minimum: 1,
      maximum: specLimits.trainingSteps,
      description: 'Steps of gradient descent.',
    }),
    batch: Type.Union([Type.Literal('full'), positive], {
      default: 'full',
      description: 'Images of a step: all, or this many, drawn without repetition epoch by epoch.',
    }),
    seeds: Type.Integer({
      minimum: 1,
      maximum: specLimits.trainingSeeds,
      default: 1,
      description: 'Networks of each kernel and depth, drawn by the seeds 0, 1, ...',
    }),
    images: nullable(positive, {
      default: null,
      description: 'The first training images of the chosen ones; null: all.',
    }),
    testImages: nullable(index, {
      default: null,
      description: 'The first test images of the chosen ones; null: all.',
    }),
    depths: nullable(
      Type.Array(Type.Integer({ minimum: 0, maximum: specLimits.depth }), {
        minItems: 1,
        maxItems: specLimits.axisValues,
        uniqueItems: true,
      }),
      { default: null, description: 'Depths of the grid to train networks of; null: all.' },
    ),
    learningRate: Type.Union(
      [
        Type.Literal('max'),
        Type.Object(
          { ofMax: Type.Number({ exclusiveMinimum: 0, maximum: 100 }) },
          { ...closed, description: 'This many times the largest stable rate.' },
        ),
        Type.Number({ exclusiveMinimum: 0 }),
      ],
      {
        default: { ofMax: 0.5 },
        description:
          'Of the loss 1/2 |f - Y|^2 summed over the training images: a number, or a part of the largest stable rate ' +
          '2/lambda_max of the NTK of all training images; "max" is all of it.',
      },
    ),
  },
  closed,
);
/** Networks of finite width that are trained beside the kernels. */
export type TrainingSpec = Static<typeof trainingSchema>;

export const keepSchema = Type.Object(
  {
    kernels: Type.Enum(['none', 'train', 'all'], { default: 'train' }),
    predictions: Type.Boolean({ default: false }),
  },
  { ...closed, default: { kernels: 'train', predictions: false } },
);

export const experimentSpecSchema = Type.Object(
  {
    // Postgres holds neither U+0000 nor half of a surrogate pair.
    name: Type.String({
      minLength: 1,
      maxLength: specLimits.nameLength,
      pattern: '^[^\\p{Cc}\\p{Cs}]*$',
      description: '1 to 200 characters without control characters',
    }),
    dataset: datasetSpecSchema,
    architecture: architectureSchema,
    grid: Type.Object(
      { weightVariance: varianceAxisSchema, biasVariance: varianceAxisSchema, depth: depthAxisSchema },
      closed,
    ),
    kernels: Type.Array(kernelNameSchema, { minItems: 1, maxItems: 2, uniqueItems: true, default: ['ntk'] }),
    precision: precisionSchema,
    tileSize: Type.Union([Type.Literal('auto'), positive], {
      default: 'auto',
      description: 'Images on the side of a tile.',
    }),
    analysis: analysisSchema,
    training: nullable(trainingSchema, {
      default: null,
      description: 'Networks of finite width, trained at every point of the grid; null for none.',
    }),
    keep: keepSchema,
    numerics: Type.Enum(['pinned', 'any', ...engineNames], {
      default: 'pinned',
      description:
        '"pinned": every tile by engines of one numeric fingerprint, whichever comes first. The name of an engine: by ' +
        'one fingerprint of that engine. "any": by whichever engine is free; tiles then agree to the tolerance that ' +
        'the provenance states.',
    }),
    priority: Type.Integer({
      minimum: 1,
      maximum: 10,
      default: 5,
      description:
        'The weight of this experiment where several wait for workers: one of 10 gets ten turns for one of 1.',
    }),
  },
  closed,
);

/** A spec with every default filled in; what GET returns and what every other package reads. */
export interface ExperimentSpec
  extends Omit<Static<typeof experimentSpecSchema>, 'architecture' | 'training'> {
  architecture: Architecture;
  /** Left out by specs that were stored before there was any; `trainingOf` reads it. */
  training?: TrainingSpec | null;
}

type Defaulted<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;
type FilledDynamics = Static<typeof dynamicsSchema>;

/** A spec as a request may write it: what has a default may be left out. */
export interface ExperimentSpecInput
  extends Partial<Pick<ExperimentSpec, 'kernels' | 'precision' | 'tileSize' | 'numerics' | 'priority'>> {
  name: string;
  dataset: Defaulted<DatasetSpec, 'test' | 'seed' | 'normalization' | 'labels'>;
  architecture: Defaulted<Architecture, 'filterSize' | 'padding'>;
  grid: ExperimentSpec['grid'];
  analysis?: {
    spectrum?: ExperimentSpec['analysis']['spectrum'];
    regression?: Partial<Static<typeof regressionSchema>> | null;
    dynamics?: Defaulted<FilledDynamics, 'learningRate'> | null;
  };
  training?: (Pick<TrainingSpec, 'width' | 'steps'> & Partial<TrainingSpec>) | null;
  keep?: Partial<ExperimentSpec['keep']>;
}

/** The networks that a spec asks for. */
export const trainingOf = ({ training }: Pick<ExperimentSpec, 'training'>): TrainingSpec | null =>
  training ?? null;

/** The schema of a request's spec, for OpenAPI: what has a default is optional and says its default. */
export const experimentSpecInputSchema = Type.Unsafe<ExperimentSpecInput>(
  inputSchemaOf(experimentSpecSchema as JsonSchema) as Record<string, unknown>,
);
