import { createHash } from 'node:crypto';
import {
  cancelExperiment,
  createExperiment,
  deleteExperiment,
  findByIdempotencyKey,
  findExperiment,
  listExperiments,
  removeUnused,
  retryExperiment,
  withDeletion,
} from '@tessera/database';
import { datasetFolder } from '@tessera/dataset';
import { diskProblem, refusePlan, tileWork } from '@tessera/plan';
import {
  abilityOf,
  type ExperimentSpec,
  pageLimits,
  TesseraError,
  trainingOf,
  withTraining,
} from '@tessera/spec';
import { deleteExperiment as deleteArrays } from '@tessera/store';
import { currentTraceParent } from '@tessera/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Access, noExperiment } from '../access/access.js';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import type { DatasetCatalog } from '../dataset-catalog.js';
import { isExperimentId, newExperimentId } from '../experiment-id.js';
import {
  experimentEtag,
  experimentPath,
  matchesEtag,
  type PlannedExperiment,
  presentExperiment,
} from '../experiment-view.js';
import { requireBody } from '../json-body.js';
import { readMachines } from '../machines.js';
import { empty, json, pageResponse, pathParameters, problems, ref } from '../openapi.js';
import { provenanceOf } from '../provenance.js';
import { limitParameter, querySchema, readQuery, stateParameter } from '../query.js';
import { parseSpecOfBody, planSpec } from '../spec-intake.js';

const list = 'experiments';
const listQuery = { state: stateParameter, cursor: cursorParameter(list), limit: limitParameter };
const idParameter = pathParameters({ id: 'The experiment.' });
type WithId = { Params: { id: string } };

/** Experiments: create, list, show, cancel, retry, delete. */
export async function experimentRoutes(
  app: FastifyInstance,
  context: AppContext & { catalog: DatasetCatalog },
): Promise<void> {
  const { db, store, catalog, version, logger, settings } = context;

  app.post('/v1/experiments', {
    schema: {
      tags: ['experiments'],
      summary: 'Create an experiment',
      description:
        'Validates the spec, plans it, and queues it. With an Idempotency-Key, kept 24 hours, a repeat gives the same experiment.',
      headers: {
        type: 'object',
        properties: {
          'idempotency-key': {
            type: 'string',
            maxLength: 255,
            description: '1 to 255 visible ASCII characters.',
          },
        },
      },
      body: ref('ExperimentSpec'),
      response: {
        202: {
          ...json('Queued.', ref('Experiment')),
          headers: { location: { schema: { type: 'string' }, description: 'The experiment.' } },
        },
        ...problems(
          'invalid-spec',
          'invalid-json',
          'plan-too-large',
          'idempotency-mismatch',
          'quota-exceeded',
          'body-too-large',
          'unsupported-media-type',
        ),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const key = readIdempotencyKey(request.headers['idempotency-key']);
      const { project } = request.access;
      const spec = await parseSpecOfBody(catalog.of(request.access), requireBody(request.body));
      const idempotency = key === null ? null : { key, bodySha256: specSha256(spec) };
      const known = idempotency && (await findByIdempotencyKey(db, idempotency, project));
      // Null where it was deleted in this moment, and its key with it.
      const made = known && ((await findExperiment(db, known)) as PlannedExperiment | null);
      const record =
        made || (await requireExperiment(context, await create(request.access, spec, idempotency)));
      request.log.info({ experiment: record.id, repeated: record.id === known }, 'experiment accepted');
      reply.header('location', experimentPath(record.id));
      return answer(reply.code(202), record);
    },
  });

  async function create(
    access: Access,
    spec: ExperimentSpec,
    idempotency: { key: string; bodySha256: string } | null,
  ): Promise<string> {
    const { options, room } = await readMachines(context);
    const planned = await planSpec(catalog.of(access), store, spec, options);
    const disk = diskProblem(planned.plan, room.freeBytes, room.promisedBytes);
    if (disk !== null) refusePlan([disk]);
    const ability = abilityOf(spec.precision, spec.architecture);
    const { id } = await createExperiment(db, {
      id: newExperimentId(),
      project: access.project,
      keyId: access.keyId,
      limits: settings.projectLimits,
      spec,
      plan: planned.plan,
      provenance: { ...provenanceOf(planned, version, new Date()) },
      datasetSha256: planned.dataset.sha256,
      idempotency,
      traceParent: currentTraceParent(),
      needs: trainingOf(spec) === null ? ability : withTraining(ability),
      tileWork: tileWork(spec, planned.plan, planned.dataset.manifest),
    });
    return id;
  }

  app.get('/v1/experiments', {
    schema: {
      tags: ['experiments'],
      summary: 'List experiments, newest first',
      querystring: querySchema(listQuery),
      response: { 200: pageResponse('A page.', 'Experiment'), ...problems('invalid-request') },
    },
    async handler(request) {
      const { state, cursor, limit } = readQuery(request.query, listQuery);
      const most = limit ?? pageLimits.default;
      const rows = (await listExperiments(db, {
        project: request.access.sees,
        state,
        before: cursor,
        limit: most + 1,
      })) as PlannedExperiment[];
      const now = new Date();
      return pageOf(
        rows,
        most,
        list,
        (row) => row.sequence,
        (row) => presentExperiment(row, now),
      );
    },
  });

  app.get<WithId>('/v1/experiments/:id', {
    schema: {
      tags: ['experiments'],
      summary: 'Show an experiment',
      params: idParameter,
      response: {
        200: {
          ...json('The experiment.', ref('Experiment')),
          headers: { etag: { schema: { type: 'string' } } },
        },
        304: empty('Not changed since the ETag in If-None-Match.'),
        ...problems('not-found'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const record = await requireExperiment(context, request.params.id);
      if (matchesEtag(request.headers['if-none-match'], experimentEtag(record))) {
        return reply.code(304).header('etag', experimentEtag(record)).send();
      }
      return answer(reply, record);
    },
  });

  for (const [verb, act, summary] of [
    ['cancel', cancelExperiment, 'Cancel an experiment that is queued or running'],
    ['retry', retryExperiment, 'Compute again what failed or was cancelled'],
  ] as const) {
    app.post<WithId>(`/v1/experiments/:id/${verb}`, {
      schema: {
        tags: ['experiments'],
        summary,
        params: idParameter,
        response: { 202: json('Accepted.', ref('Experiment')), ...problems('not-found', 'illegal-state') },
      },
      async handler(request, reply) {
        readQuery(request.query, {});
        const { id } = await requireExperiment(context, request.params.id);
        await act(db, id);
        request.log.info({ experiment: id }, `experiment: ${verb}`);
        return answer(reply.code(202), await requireExperiment(context, id));
      },
    });
  }

  app.delete<WithId>('/v1/experiments/:id', {
    schema: {
      tags: ['experiments'],
      summary: 'Delete an experiment that has ended, and its arrays',
      params: idParameter,
      response: { 204: empty('Deleted.'), ...problems('not-found', 'illegal-state') },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const { id, datasetSha256 } = await requireExperiment(context, request.params.id);
      await withDeletion(db, id, async () => {
        await deleteExperiment(db, id);
        await orLeftToSweep(id, deleteArrays(store, id));
      });
      // One that was restored may be the last that stands for its images.
      const removed = removeUnused(db, datasetSha256, () => store.deletePrefix(datasetFolder(datasetSha256)));
      await orLeftToSweep(id, removed);
      request.log.info({ experiment: id }, 'experiment deleted');
      return reply.code(204).send();
    },
  });

  /** The rows are gone: what is left of the files is nobody's. */
  async function orLeftToSweep(id: string, deletion: Promise<void>): Promise<void> {
    await deletion.catch((error: unknown) =>
      logger.warn({ err: error, experiment: id }, 'files of a deleted experiment are left to the sweep'),
    );
  }
}

function answer(reply: FastifyReply, record: PlannedExperiment) {
  reply.header('etag', experimentEtag(record));
  return presentExperiment(record);
}

/** @throws TesseraError not-found */
export async function requireExperiment(
  { db }: Pick<AppContext, 'db'>,
  id: string,
): Promise<PlannedExperiment> {
  const record = isExperimentId(id) ? await findExperiment(db, id) : null;
  if (record) return record as PlannedExperiment;
  throw noExperiment(id);
}

function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new TesseraError(
    'invalid-request',
    'The Idempotency-Key is not valid. Write 1 to 255 visible ASCII characters.',
  );
}

/** Two bodies are the same when they say the same spec, whatever their blanks and the defaults they spell out. */
const specSha256 = (spec: ExperimentSpec) => createHash('sha256').update(JSON.stringify(spec)).digest('hex');
