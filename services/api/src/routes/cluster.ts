import { readCluster } from '@tessera/database';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { json, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';

/** `GET /v1/cluster`: who works, what waits, what is held, what is stored. */
export async function clusterRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  app.get('/v1/cluster', {
    schema: {
      tags: ['service'],
      summary: 'Workers, queues, leases, sizes',
      response: { 200: json('The cluster.', ref('Cluster')), ...problems('unavailable') },
    },
    async handler(request) {
      readQuery(request.query, {});
      const [state, queues, freeBytes] = await Promise.all([
        readCluster(context.db),
        // What the database says is worth having while the queue is away.
        context.queueDepths().catch((error: unknown) => {
          request.log.warn({ err: error }, 'no queue depths');
          return null;
        }),
        context.store.freeBytes(),
      ]);
      const { databaseBytes, keptBytes, connections, ...rest } = state;
      return {
        version: context.version,
        ...rest,
        queues,
        store: { freeBytes, keptBytes },
        database: { bytes: databaseBytes, connections },
      };
    },
  });
}
