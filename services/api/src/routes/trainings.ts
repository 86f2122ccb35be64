import { Readable } from 'node:stream';
import { listTrainings, type TrainingFilter, type TrainingRecord } from '@tessera/database';
import { pageLimits, specLimits, type TrainingRow } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import { pageResponse, pathParameters, problems } from '../openapi.js';
import {
  integerParameter,
  limitParameter,
  numberParameter,
  type ParameterValues,
  querySchema,
  readQuery,
} from '../query.js';
import { trainingsHeader, trainingsLines } from '../trainings-csv.js';
import { requireExperiment } from './experiments.js';

const list = 'trainings';
const filterQuery = {
  weightVariance: numberParameter('Only this value of the grid, exactly.'),
  biasVariance: numberParameter('Only this value of the grid, exactly.'),
  depth: integerParameter(0, specLimits.depth, 'Only this depth.'),
  seed: integerParameter(0, specLimits.trainingSeeds, 'Only this seed.'),
};
const largestOrdinal = 2 ** 31 - 1;
const listQuery = { ...filterQuery, cursor: cursorParameter(list), limit: limitParameter };
type WithId = { Params: { id: string } };
const parameters = pathParameters({ id: 'The experiment.' });

/** Trained networks as JSON pages and as CSV. */
export async function trainingRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { db } = context;

  app.get<WithId>('/v1/experiments/:id/trainings', {
    schema: {
      tags: ['results'],
      summary: 'Networks of finite width in grid order, each as soon as it is trained',
      params: parameters,
      querystring: querySchema(listQuery),
      response: { 200: pageResponse('A page.', 'TrainingRow'), ...problems('invalid-request', 'not-found') },
    },
    async handler(request) {
      const { cursor, limit, ...filter } = readQuery(request.query, listQuery);
      const { id } = await requireExperiment(context, request.params.id);
      const most = limit ?? pageLimits.default;
      const after = cursor === null ? null : Math.min(Number(cursor), largestOrdinal);
      const rows = await listTrainings(db, id, { ...given(filter), after, limit: most + 1 });
      return pageOf(rows, most, list, (row) => row.ordinal, presentTraining);
    },
  });

  app.route<WithId>({
    method: ['GET', 'HEAD'],
    url: '/v1/experiments/:id/trainings.csv',
    schema: {
      tags: ['results'],
      summary: 'Networks of finite width as CSV',
      description:
        'A line for every score that was taken of a network on its way. No number is an empty field.',
      params: parameters,
      querystring: querySchema(filterQuery),
      response: {
        200: {
          description: 'CSV with a header line.',
          content: { 'text/csv': { schema: { type: 'string' } } },
        },
        ...problems('invalid-request', 'not-found'),
      },
    },
    async handler(request, reply) {
      const filter = given(readQuery(request.query, filterQuery));
      const { id } = await requireExperiment(context, request.params.id);
      reply.type('text/csv; charset=utf-8; header=present');
      reply.header('content-disposition', `attachment; filename="${id}-trainings.csv"`);
      if (request.method === 'HEAD') return reply.send();
      const lines = async function* () {
        yield trainingsHeader();
        for (let after: number | null = null; ; ) {
          const rows: TrainingRecord[] = await listTrainings(db, id, {
            ...filter,
            after,
            limit: pageLimits.maximum,
          });
          if (rows.length === 0) return;
          yield rows.map(trainingsLines).join('');
          after = rows.at(-1)?.ordinal ?? null;
        }
      };
      return reply.send(Readable.from(lines()));
    },
  });
}

/** Only the filters that the request has. */
function given(filter: ParameterValues<typeof filterQuery>): TrainingFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));
}

/** Without its place in the list. */
function presentTraining({ ordinal: _, kernelIndex: __, ...row }: TrainingRecord): TrainingRow {
  return row;
}
