/** Every payload of the REST API, declared once: schemas for OpenAPI and types for services and clients. */
import { type Static, type TSchema, Type } from 'typebox';
import { activationSchema } from './activation.js';
import { varianceAxisSchema } from './axis.js';
import { datasetFactsSchema } from './dataset-facts.js';
import { type ErrorCode, errorRegistry } from './errors.js';
import { type ExperimentSpec, experimentSpecSchema, kernelNameSchema } from './experiment-spec.js';
import { type ExperimentState, experimentStates } from './state.js';

const count = Type.Integer({ minimum: 0 });
const numberOrNull = Type.Union([Type.Number(), Type.Null()]);
const textOrNull = Type.Union([Type.String(), Type.Null()]);
const time = Type.String({ format: 'date-time' });
const timeOrNull = Type.Union([time, Type.Null()]);

/** Limits of paged lists. */
export const pageLimits = { default: 100, maximum: 1000 } as const;

/** One page of a list; `nextCursor` is null on the last. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
export const pageSchema = <S extends TSchema>(item: S) =>
  Type.Object({ items: Type.Array(item), nextCursor: textOrNull });

export const problemSchema = Type.Object({
  pointer: Type.String({ description: 'RFC 6901 JSON pointer into the request.' }),
  message: Type.String(),
});
/** RFC 9457 problem details, `application/problem+json`. */
export const problemDetailsSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorRegistry) }),
  errors: Type.Optional(Type.Array(problemSchema)),
});
export type ProblemDetails = Static<typeof problemDetailsSchema>;

export const experimentStateSchema = Type.Unsafe<ExperimentState>({
  type: 'string',
  enum: [...experimentStates],
});

export const waveProgressSchema = Type.Object({ total: count, done: count, failed: count, running: count });
export type WaveProgress = Static<typeof waveProgressSchema>;
/** Networks of finite width: how many, and their steps. */
export const trainingProgressSchema = Type.Object({
  ...waveProgressSchema.properties,
  steps: Type.Object({ total: count, done: count }, { description: 'Steps of all networks together.' }),
});
export type TrainingProgress = Static<typeof trainingProgressSchema>;
export const progressSchema = Type.Object({
  tiles: waveProgressSchema,
  analyses: waveProgressSchema,
  strips: waveProgressSchema,
  trainings: Type.Optional(trainingProgressSchema),
  secondsLeft: numberOrNull,
});
export type Progress = Static<typeof progressSchema>;
/** The kinds of work that progress counts. */
export const progressWaves = ['tiles', 'analyses', 'strips', 'trainings'] as const;
export type ProgressWave = (typeof progressWaves)[number];
/** The progress of one kind; a service of before there were trainings says nothing of them. */
export const progressOf = (progress: Progress, wave: ProgressWave): WaveProgress =>
  progress[wave] ?? { total: 0, done: 0, failed: 0, running: 0 };

/** Why an experiment failed. */
export const failureSchema = Type.Object({ code: Type.String(), message: Type.String() });
export type Failure = Static<typeof failureSchema>;

/** Why new work of an open experiment waits; null where it does not. */
export const pausedSchema = textOrNull;

export const experimentSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: experimentStateSchema,
  project: Type.String(),
  createdBy: Type.Union([Type.String(), Type.Null()], {
    description: 'The name, or else the id, of the key it was posted with; null: without a key.',
  }),
  createdAt: time,
  startedAt: timeOrNull,
  finishedAt: timeOrNull,
  spec: Type.Unsafe<ExperimentSpec>(experimentSpecSchema),
  progress: progressSchema,
  error: Type.Union([failureSchema, Type.Null()]),
  paused: pausedSchema,
  links: Type.Object({
    self: Type.String(),
    events: Type.String(),
    analyses: Type.String(),
    analysesCsv: Type.String(),
    trainings: Type.String(),
    trainingsCsv: Type.String(),
    arrays: Type.String(),
  }),
});
export type Experiment = Static<typeof experimentSchema>;

/** `event: state` of an experiment's events. */
export const stateEventSchema = Type.Object({
  id: Type.String(),
  state: experimentStateSchema,
  error: Type.Union([failureSchema, Type.Null()]),
  paused: pausedSchema,
});
export type StateEvent = Static<typeof stateEventSchema>;
/** An event of `/v1/experiments/{id}/events`; its id is the experiment's revision. */
export type ExperimentEvent =
  | { event: 'state'; revision: string; data: StateEvent }
  | { event: 'progress'; revision: string; data: Progress };

export const planSummarySchema = Type.Object({
  kernels: count,
  tiles: count,
  analyses: count,
  strips: count,
  trainings: count,
  tileSize: Type.Integer({ minimum: 1 }),
  bytes: Type.Object({
    kept: count,
    temporary: count,
    free: Type.Union([count, Type.Null()], { description: 'What the store has free; null: it cannot tell.' }),
  }),
  analysis: Type.Object(
    {
      mode: Type.Enum(['dense', 'streamed']),
      bytes: count,
      memory: Type.Union([count, Type.Null()]),
    },
    {
      description:
        'Matrices are analysed whole in memory (dense) or out of core (streamed); bytes that one analysis holds, and ' +
        'bytes that every aggregator may hold.',
    },
  ),
  coreSeconds: Type.Number({ minimum: 0, description: 'Estimated seconds of one core.' }),
  seconds: Type.Number({
    minimum: 0,
    description: 'Estimated seconds by the clock, on the cores there are now.',
  }),
  warnings: Type.Array(Type.String()),
  spec: Type.Unsafe<ExperimentSpec>(experimentSpecSchema),
});
export type PlanSummary = Static<typeof planSummarySchema>;

export const phaseSchema = Type.Enum(['ordered', 'critical', 'chaotic', 'unbounded', 'degenerate']);
export type Phase = Static<typeof phaseSchema>;

const scores = {
  trainAccuracy: numberOrNull,
  testAccuracy: numberOrNull,
  trainLoss: numberOrNull,
  testLoss: numberOrNull,
};
export const analysisStatusSchema = Type.Enum(['ok', 'ill-conditioned', 'overflow', 'underflow']);
export type AnalysisStatus = Static<typeof analysisStatusSchema>;

export const analysisRowSchema = Type.Object({
  kernel: kernelNameSchema,
  weightVariance: Type.Number(),
  biasVariance: Type.Number(),
  depth: count,
  phase: phaseSchema,
  qStar: numberOrNull,
  cStar: numberOrNull,
  chi1: numberOrNull,
  xi1: numberOrNull,
  xiStar: numberOrNull,
  lambdaMax: numberOrNull,
  lambdaMin: numberOrNull,
  lambdaBulk: numberOrNull,
  kappa: numberOrNull,
  conditionNumber: numberOrNull,
  maxLearningRate: numberOrNull,
  trace: numberOrNull,
  regression: Type.Array(Type.Object({ diagReg: Type.Number(), ...scores })),
  dynamics: Type.Array(Type.Object({ time: Type.Number(), ...scores })),
  meanPredictorNorm: numberOrNull,
  status: analysisStatusSchema,
  warnings: Type.Array(Type.String()),
});
export type AnalysisRow = Static<typeof analysisRowSchema>;

/** What a network predicts after so many steps. */
export const trainingScoreSchema = Type.Object({
  step: count,
  time: Type.Union([Type.Number(), Type.Null()], {
    description:
      "The same moment by the clock of the kernel's gradient flow (dynamics.times); null without one.",
  }),
  ...scores,
});
export type TrainingScore = Static<typeof trainingScoreSchema>;

export const trainingRowSchema = Type.Object({
  weightVariance: Type.Number(),
  biasVariance: Type.Number(),
  depth: count,
  seed: count,
  width: count,
  images: count,
  testImages: count,
  batch: Type.Union([count, Type.Null()], { description: 'Images of a step; null: all.' }),
  learningRate: numberOrNull,
  maxLearningRate: Type.Union([Type.Number(), Type.Null()], {
    description: '2/lambda_max of the NTK; null where the learning rate does not come from it.',
  }),
  steps: Type.Integer({ minimum: 0, description: 'Steps that were taken.' }),
  diverged: Type.Boolean({ description: 'Its predictions were no finite numbers any more.' }),
  ...scores,
  scores: Type.Array(trainingScoreSchema, {
    description: 'On the way: steps in ascending order, the last one is the end.',
  }),
  backend: Type.String({ description: 'Of TensorFlow.js, and where it computed.' }),
  version: Type.String({ description: 'Of TensorFlow.js.' }),
  seconds: Type.Number({ description: 'Of the worker that ended it.' }),
  resumedFrom: Type.Integer({
    minimum: 0,
    description: 'The step of the checkpoint from which that worker went on; 0: from the beginning.',
  }),
  warnings: Type.Array(Type.String()),
});
/** One trained network. */
export type TrainingRow = Static<typeof trainingRowSchema>;

export const arrayInfoSchema = Type.Object({
  name: Type.String(),
  dtype: Type.String({ description: 'As numpy writes it: <f8, <f4, <i4.' }),
  shape: Type.Array(count),
  dimensions: Type.Array(Type.String()),
});
export type ArrayInfo = Static<typeof arrayInfoSchema>;

export const datasetInfoSchema = Type.Object({
  ...datasetFactsSchema.properties,
  sha256: Type.String(),
  dtype: Type.Enum(['uint8', 'float32', 'float64']),
  synthetic: Type.Boolean(),
  bytes: count,
  createdAt: timeOrNull,
});
export type DatasetInfo = Static<typeof datasetInfoSchema>;

const varianceOrAxis = Type.Union([Type.Number({ minimum: 0 }), ...varianceAxisSchema.anyOf], {
  description: 'A number or an axis.',
});
export const theoryRequestSchema = Type.Object(
  { activation: activationSchema, weightVariance: varianceOrAxis, biasVariance: varianceOrAxis },
  { additionalProperties: false },
);
export interface TheoryRequest extends Omit<Static<typeof theoryRequestSchema>, 'activation'> {
  activation: ExperimentSpec['architecture']['activation'];
}

export const theoryRowSchema = Type.Object({
  weightVariance: Type.Number(),
  biasVariance: Type.Number(),
  phase: phaseSchema,
  qStar: numberOrNull,
  cStar: numberOrNull,
  chi1: numberOrNull,
  chiC: numberOrNull,
  xi1: numberOrNull,
  xiStar: numberOrNull,
  xiC: numberOrNull,
  warnings: Type.Array(Type.String()),
});
export type TheoryRow = Static<typeof theoryRowSchema>;
export const theoryResponseSchema = Type.Object({ items: Type.Array(theoryRowSchema) });
export type TheoryResponse = Static<typeof theoryResponseSchema>;
