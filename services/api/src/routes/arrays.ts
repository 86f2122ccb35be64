import { createHash } from 'node:crypto';
import type { ArrayInfo } from '@tessera/spec';
import { type ArrayDescription, arrays, findArray, type Selection } from '@tessera/store';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AppContext } from '../app-context.js';
import { requireReady } from '../array-readiness.js';
import { readSelection } from '../array-selection.js';
import { ExperimentLayouts } from '../experiment-layouts.js';
import { matchesEtag } from '../experiment-view.js';
import { kernelNameType, npyBody } from '../npy-body.js';
import { empty, json, pathParameters, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/** What OpenAPI tells of the selection; which of these an array has follows from its dimensions. */
const selectable = [
  'kernel',
  'weightVariance',
  'biasVariance',
  'depth',
  'time',
  'diagReg',
  'train',
  'train2',
  'test',
  'eigenvalue',
  'class',
];
const selectionSchema = Type.Object(
  Object.fromEntries(
    selectable.flatMap((name) => [
      [
        name,
        Type.Optional(
          Type.String({
            description: 'A coordinate, exactly (drops the dimension), or a range of positions start:stop.',
          }),
        ),
      ],
      [
        `${name}Index`,
        Type.Optional(Type.Integer({ minimum: 0, description: 'A position (drops the dimension).' })),
      ],
    ]),
  ),
);

/** An experiment's arrays: the list, and each as `.npy`. */
export async function arrayRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { store } = context;
  const layouts = new ExperimentLayouts(store);

  app.get<{ Params: { id: string } }>('/v1/experiments/:id/arrays', {
    schema: {
      tags: ['results'],
      summary: 'List the arrays an experiment holds once it is complete',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: json('The arrays.', { type: 'array', items: ref('ArrayInfo') }),
        ...problems('not-found'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      const record = await requireExperiment(context, request.params.id);
      return arrays(await layouts.of(record)).map(presentArray);
    },
  });

  app.route<{ Params: { id: string; name: string } }>({
    method: ['GET', 'HEAD'],
    url: '/v1/experiments/:id/arrays/:name(^[A-Za-z0-9_-]{1,64}).npy',
    schema: {
      tags: ['results'],
      summary: 'An array, or a part of it, as .npy',
      description:
        'Ready as soon as every kernel (pair of variances) of the part is done. Each dimension selected by a coordinate or a position is dropped.',
      params: pathParameters({ id: 'The experiment.', name: 'The array.' }),
      querystring: selectionSchema,
      response: {
        200: {
          description: 'The array, row-major, little endian.',
          headers: {
            etag: { schema: { type: 'string' } },
            'content-length': { schema: { type: 'integer' } },
          },
          content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
        },
        304: empty('Not changed since the ETag in If-None-Match.'),
        ...problems('invalid-request', 'not-found', 'not-ready', 'not-kept'),
      },
    },
    async handler(request, reply) {
      const record = await requireExperiment(context, request.params.id);
      const layout = await layouts.of(record);
      const array = findArray(layout, request.params.name);
      const selection = readSelection(request.query, layout, array);
      await requireReady(context, record, layout, array, selection);
      const etag = arrayEtag(record.id, array, selection);
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      const body = npyBody(store, layout, array, selection);
      reply.header('content-length', body.byteLength).type('application/octet-stream');
      reply.header('content-disposition', `attachment; filename="${array.name}.npy"`);
      if (request.method === 'HEAD') return reply.send();
      return reply.send(await openOrClear());

      async function openOrClear() {
        try {
          return await body.open();
        } catch (error) {
          // The problem that is sent instead is none of these.
          for (const name of ['content-length', 'content-disposition', 'etag', 'cache-control'])
            reply.removeHeader(name);
          throw error;
        }
      }
    },
  });
}

function presentArray({ name, dtype, shape, dimensions }: ArrayDescription): ArrayInfo {
  return {
    name,
    dtype: dtype === 'string' ? kernelNameType : dtype,
    shape: [...shape],
    dimensions: [...dimensions],
  };
}

/** What is ready never changes, so that its name is its version. */
function arrayEtag(id: string, array: ArrayDescription, selection: Selection): string {
  const ordered = array.dimensions.map((dimension) => selection[dimension] ?? null);
  const digest = createHash('sha256')
    .update(JSON.stringify([id, array.name, ordered]))
    .digest('hex');
  return `"${digest.slice(0, 32)}"`;
}
