import { Readable } from 'node:stream';
import { type AnalysisFilter, type AnalysisRecord, listAnalyses } from '@tessera/database';
import { type AnalysisRow, pageLimits, specLimits } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import { csvHeader, csvRow } from '../analyses-csv.js';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import { pageResponse, pathParameters, problems } from '../openapi.js';
import {
  choiceParameter,
  integerParameter,
  limitParameter,
  numberParameter,
  type ParameterValues,
  querySchema,
  readQuery,
} from '../query.js';
import { requireExperiment } from './experiments.js';

const list = 'analyses';
const filterQuery = {
  kernel: choiceParameter(['nngp', 'ntk'], 'Only this kernel.'),
  weightVariance: numberParameter('Only this value of the grid, exactly.'),
  biasVariance: numberParameter('Only this value of the grid, exactly.'),
  depth: integerParameter(0, specLimits.depth, 'Only this depth.'),
};
/** An ordinal is a 32-bit integer: a larger cursor is past the end. */
const largestOrdinal = 2 ** 31 - 1;
const listQuery = { ...filterQuery, cursor: cursorParameter(list), limit: limitParameter };
type WithId = { Params: { id: string } };
const parameters = pathParameters({ id: 'The experiment.' });

/** Result rows as JSON pages and as CSV. */
export async function analysisRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { db } = context;

  app.get<WithId>('/v1/experiments/:id/analyses', {
    schema: {
      tags: ['results'],
      summary: 'Result rows in grid order, each as soon as it is complete',
      params: parameters,
      querystring: querySchema(listQuery),
      response: { 200: pageResponse('A page.', 'AnalysisRow'), ...problems('invalid-request', 'not-found') },
    },
    async handler(request) {
      const { cursor, limit, ...filter } = readQuery(request.query, listQuery);
      const { id } = await requireExperiment(context, request.params.id);
      const most = limit ?? pageLimits.default;
      const after = cursor === null ? null : Math.min(Number(cursor), largestOrdinal);
      const rows = await listAnalyses(db, id, { ...given(filter), after, limit: most + 1 });
      return pageOf(rows, most, list, (row) => row.ordinal, presentAnalysis);
    },
  });

  app.route<WithId>({
    method: ['GET', 'HEAD'],
    url: '/v1/experiments/:id/analyses.csv',
    schema: {
      tags: ['results'],
      summary: 'Result rows as CSV',
      description:
        'The same rows and numbers; one column for each score at each ridge and each time. No number is an empty field.',
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
      const record = await requireExperiment(context, request.params.id);
      reply.type('text/csv; charset=utf-8; header=present');
      reply.header('content-disposition', `attachment; filename="${record.id}-analyses.csv"`);
      if (request.method === 'HEAD') return reply.send();
      const lines = async function* () {
        yield csvHeader(record.spec);
        for (let after: number | null = null; ; ) {
          const rows: AnalysisRecord[] = await listAnalyses(db, record.id, {
            ...filter,
            after,
            limit: pageLimits.maximum,
          });
          if (rows.length === 0) return;
          yield rows.map(csvRow).join('');
          after = rows.at(-1)?.ordinal ?? null;
        }
      };
      return reply.send(Readable.from(lines()));
    },
  });
}

/** Only the filters that the request has. */
function given(filter: ParameterValues<typeof filterQuery>): AnalysisFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));
}

/** The fields of the contract, in its order. */
function presentAnalysis(row: AnalysisRecord): AnalysisRow {
  return {
    kernel: row.kernel,
    weightVariance: row.weightVariance,
    biasVariance: row.biasVariance,
    depth: row.depth,
    phase: row.phase as AnalysisRow['phase'],
    qStar: row.qStar,
    cStar: row.cStar,
    chi1: row.chi1,
    xi1: row.xi1,
    xiStar: row.xiStar,
    lambdaMax: row.lambdaMax,
    lambdaMin: row.lambdaMin,
    lambdaBulk: row.lambdaBulk,
    kappa: row.kappa,
    conditionNumber: row.conditionNumber,
    maxLearningRate: row.maxLearningRate,
    trace: row.trace,
    regression: row.regression,
    dynamics: row.dynamics,
    meanPredictorNorm: row.meanPredictorNorm,
    status: row.status,
    warnings: row.warnings,
  };
}
