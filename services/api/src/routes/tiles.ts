import { readExperimentLog, readTile, readTileChanges, tileRecordBytes } from '@tessera/database';
import { kernelAt, tileAt } from '@tessera/plan';
import { TesseraError, type TileMapHeader } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AppContext } from '../app-context.js';
import { json, pathParameters, problems, ref } from '../openapi.js';
import { type Parameter, querySchema, readQuery, UnreadableParameter } from '../query.js';
import { requireExperiment } from './experiments.js';

const cursor: Parameter<string> = {
  schema: Type.String({ description: '`cursor` of an answer before: only what has changed since.' }),
  read(text) {
    if (/^\d{1,19}$/.test(text)) return text;
    throw new UnreadableParameter('is not a cursor of this list; send one as it came.');
  },
};
const position: Parameter<{ kernel: number; tile: number }> = {
  schema: Type.String({ description: '`next` of the answer before: its next part.' }),
  read(text) {
    const [, kernel, tile] = /^(\d{1,9})\.(\d{1,9})$/.exec(text) ?? [];
    if (kernel !== undefined && tile !== undefined) return { kernel: Number(kernel), tile: Number(tile) };
    throw new UnreadableParameter('is not a position of this list; send next as it came.');
  },
};
const query = { since: cursor, from: position };

/** The tiles of an experiment: as a map, and one by one. */
export async function tileRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  app.get<{ Params: { id: string } }>('/v1/experiments/:id/tiles', {
    schema: {
      tags: ['experiments'],
      summary: 'Kernels and tiles, all of them or what has changed',
      description:
        'A JSON header after its length (uint32, big-endian): cursor, kernelCount, blocks, tileSize, trainCount, ' +
        'weightVariance, biasVariance, kernels as [index, state, wave, waveTotal, waveDone], workers, tiles as ' +
        `[kernel, count], next. Then the records of these tiles, ${tileRecordBytes} bytes each, big-endian: index int32; ` +
        'int32 of state (bits 28 and 29: pending, leased, done, failed), tried again (bit 27) and milliseconds; worker ' +
        'int16, its number in `workers` or -1. Tiles of a waiting or done kernel have no records. Some come twice.',
      params: pathParameters({ id: 'The experiment.' }),
      querystring: querySchema(query),
      response: {
        200: {
          description: 'Header and records.',
          content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
        },
        ...problems('not-found', 'invalid-request'),
      },
    },
    async handler(request, reply) {
      const { since, from } = readQuery(request.query, query);
      const { id, plan } = await requireExperiment(context, request.params.id);
      const changes = await readTileChanges(context.db, id, since, from);
      const { next } = changes;
      const header: TileMapHeader = {
        cursor: changes.cursor,
        kernelCount: plan.kernels,
        blocks: plan.blocks,
        tileSize: plan.tileSize,
        trainCount: plan.trainCount,
        weightVariance: plan.axes.weightVariance,
        biasVariance: plan.axes.biasVariance,
        kernels: changes.kernels.map((kernel) => [
          kernel.index,
          kernel.state,
          kernel.wave,
          kernel.waveTotal,
          kernel.waveDone,
        ]),
        workers: changes.workers,
        tiles: changes.tiles.map(({ kernel, count }) => [kernel, count]),
        next: next && `${next.kernel}.${next.tile}`,
      };
      const text = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      reply.type('application/octet-stream').header('cache-control', 'no-store');
      return reply.send(Buffer.concat([length, text, ...changes.tiles.map(({ records }) => records)]));
    },
  });

  app.get<{ Params: { id: string; kernel: string; tile: string } }>(
    '/v1/experiments/:id/tiles/:kernel/:tile',
    {
      schema: {
        tags: ['experiments'],
        summary: 'One tile: where it lies, who computed it, what happened to it',
        params: pathParameters({
          id: 'The experiment.',
          kernel: 'The number of its kernel.',
          tile: 'Its number in the kernel.',
        }),
        response: { 200: json('The tile.', ref('TileDetail')), ...problems('not-found') },
      },
      async handler(request) {
        readQuery(request.query, {});
        const { id, plan } = await requireExperiment(context, request.params.id);
        const kernel = wholeNumber(request.params.kernel);
        const tile = wholeNumber(request.params.tile);
        if (kernel === null || tile === null || kernel >= plan.kernels || tile >= plan.tilesPerKernel) {
          const most = `kernels 0 to ${plan.kernels - 1}, tiles 0 to ${plan.tilesPerKernel - 1}`;
          throw new TesseraError('not-found', `There is no such tile; this experiment has ${most}.`);
        }
        const [task, log, { rows }] = await Promise.all([
          readTile(context.db, id, kernel, tile),
          readExperimentLog(context.db, id, { limit: 100, of: { kernel, tile } }),
          context.db.pool.query<{ state: string; summary: Record<string, unknown> | null }>(
            'SELECT state, summary FROM kernels WHERE experiment_id = $1 AND index = $2',
            [id, kernel],
          ),
        ]);
        const place = tileAt(plan, tile);
        const { weightVariance, biasVariance } = kernelAt(plan, kernel);
        return {
          kernel,
          tile,
          weightVariance,
          biasVariance,
          row: place.row,
          col: place.col,
          rows: { start: place.rowStart, count: place.rowCount },
          cols: { start: place.colStart, count: place.colCount },
          kernelState: rows[0]?.state ?? 'waiting',
          task,
          summary: rows[0]?.summary ?? null,
          log,
        };
      },
    },
  );
}

const wholeNumber = (text: string): number | null => (/^\d{1,9}$/.test(text) ? Number(text) : null);
