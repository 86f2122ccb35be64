/** Payloads of what operators ask of the service. */
import { type Static, Type } from 'typebox';
import { type Problem, TesseraError } from './errors.js';
import type { JsonSchema } from './json-schema.js';
import { readValue } from './read-value.js';
import { analysisRowSchema, experimentStateSchema, trainingRowSchema } from './rest.js';

const day = 86_400;

/** `POST /v1/gc`. */
export const collectRequestSchema = Type.Object(
  {
    olderThanSeconds: Type.Integer({
      minimum: 0,
      maximum: 36_500 * day,
      description: 'Experiments that ended longer ago than this.',
    }),
    keepKernels: Type.Boolean({
      default: false,
      description:
        'Delete only what failed and cancelled experiments keep for a retry; matrices and results stay.',
    }),
    dryRun: Type.Boolean({ default: false, description: 'Only tell what would be deleted.' }),
  },
  { additionalProperties: false },
);
export type CollectRequest = Static<typeof collectRequestSchema>;

/** What was deleted, or would be. */
export const collectReportSchema = Type.Object({
  dryRun: Type.Boolean(),
  keepKernels: Type.Boolean(),
  bytes: Type.Integer({ minimum: 0, description: 'Bytes of all files deleted.' }),
  experiments: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      state: experimentStateSchema,
      finishedAt: Type.String({ format: 'date-time' }),
      bytes: Type.Integer({ minimum: 0 }),
    }),
  ),
});
export type CollectReport = Static<typeof collectReportSchema>;

/** Reads a request. @throws TesseraError invalid-request with every problem found */
export function parseCollectRequest(json: unknown): CollectRequest {
  const problems: Problem[] = [];
  const request = readValue(collectRequestSchema, json, '', problems) as CollectRequest;
  if (problems.length > 0)
    throw new TesseraError('invalid-request', 'The request has problems.', { problems });
  return request;
}

/** A result row as an archive keeps it. */
export const archivedAnalysisSchema = Type.Object({
  ordinal: Type.Integer({ minimum: 0 }),
  kernelIndex: Type.Integer({ minimum: 0 }),
  ...analysisRowSchema.properties,
});
export type ArchivedAnalysis = Static<typeof archivedAnalysisSchema>;

/** A trained network as an archive keeps it. */
export const archivedTrainingSchema = Type.Object({
  ordinal: Type.Integer({ minimum: 0 }),
  kernelIndex: Type.Integer({ minimum: 0 }),
  ...trainingRowSchema.properties,
});
export type ArchivedTraining = Static<typeof archivedTrainingSchema>;

/** Reads a row. @throws TesseraError invalid-request that tells the first problem */
export const parseArchivedAnalysis = (json: unknown): ArchivedAnalysis =>
  parseRow<ArchivedAnalysis>(archivedAnalysisSchema, json);
export const parseArchivedTraining = (json: unknown): ArchivedTraining =>
  parseRow<ArchivedTraining>(archivedTrainingSchema, json);

function parseRow<T>(schema: JsonSchema, json: unknown): T {
  const problems: Problem[] = [];
  const row = readValue(schema, json, '', problems) as T;
  const [first] = problems;
  if (first) throw new TesseraError('invalid-request', first.message, { problems });
  return row;
}
