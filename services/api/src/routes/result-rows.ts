import { Readable } from 'node:stream';
import { everyPage } from '@tessera/database';
import { type ExperimentSpec, pageLimits } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import { pageResponse, pathParameters, problems, type SchemaName } from '../openapi.js';
import { limitParameter, type Parameters, type ParameterValues, querySchema, readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/** Rows of results that experiments have: what filters them, and how they are read and written. */
export interface ResultRows<Filter extends Parameters, Row extends { ordinal: number }> {
  /** The last part of their address. */
  name: string;
  summary: string;
  item: SchemaName;
  filter: Filter;
  /** Reads up to `limit` rows behind the one of the ordinal `after`. */
  list(
    context: AppContext,
    id: string,
    query: Partial<NonNullValues<Filter>> & { after: number | null; limit: number },
  ): Promise<Row[]>;
  present(row: Row): object;
  csv: {
    summary: string;
    description: string;
    header(spec: ExperimentSpec): string;
    lines(row: Row): string;
  };
}
type NonNullValues<Filter extends Parameters> = {
  [Name in keyof Filter]: NonNullable<ParameterValues<Filter>[Name]>;
};

/** An ordinal is a 32-bit integer: a larger cursor is past the end. */
const largestOrdinal = 2 ** 31 - 1;
type WithId = { Params: { id: string } };
const parameters = pathParameters({ id: 'The experiment.' });

/** Serves rows of results as JSON pages and as CSV. */
export function resultRowRoutes<Filter extends Parameters, Row extends { ordinal: number }>(
  app: FastifyInstance,
  context: AppContext,
  { name, summary, item, filter: filterQuery, list, present, csv }: ResultRows<Filter, Row>,
): void {
  const pageQuery = { cursor: cursorParameter(name), limit: limitParameter };
  const listQuery = { ...filterQuery, ...pageQuery };
  /** Only the filters that the request has. */
  const given = (values: object) =>
    Object.fromEntries(
      Object.entries(values).filter(([key, value]) => key in filterQuery && value !== null),
    ) as Partial<NonNullValues<Filter>>;

  app.get<WithId>(`/v1/experiments/:id/${name}`, {
    schema: {
      tags: ['results'],
      summary,
      params: parameters,
      querystring: querySchema(listQuery),
      response: { 200: pageResponse('A page.', item), ...problems('invalid-request', 'not-found') },
    },
    async handler(request) {
      const query = readQuery(request.query, listQuery);
      const { cursor, limit } = query as ParameterValues<typeof pageQuery>;
      const { id } = await requireExperiment(context, request.params.id);
      const most = limit ?? pageLimits.default;
      const after = cursor === null ? null : Math.min(Number(cursor), largestOrdinal);
      const rows = await list(context, id, { ...given(query), after, limit: most + 1 });
      return pageOf(rows, most, name, (row) => row.ordinal, present);
    },
  });

  app.route<WithId>({
    method: ['GET', 'HEAD'],
    url: `/v1/experiments/:id/${name}.csv`,
    schema: {
      tags: ['results'],
      summary: csv.summary,
      description: csv.description,
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
      const { id, spec } = await requireExperiment(context, request.params.id);
      const page = (after: number | null) =>
        list(context, id, { ...filter, after, limit: pageLimits.maximum });
      const pages = everyPage(page);
      // Before any header: a fault of the first page has a status.
      const first = request.method === 'HEAD' ? null : await pages.next();
      reply.type('text/csv; charset=utf-8; header=present');
      reply.header('content-disposition', `attachment; filename="${id}-${name}.csv"`);
      if (first === null) return reply.send();
      const lines = async function* () {
        yield csv.header(spec);
        if (first.done) return;
        yield first.value.map(csv.lines).join('');
        for await (const rows of pages) yield rows.map(csv.lines).join('');
      };
      return reply.send(Readable.from(lines()));
    },
  });
}
