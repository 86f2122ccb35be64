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
      description:
        'Experiments, tasks, leases, deliveries and kept bytes are counted of what the key may see; of every project for an ' +
        "admin, and without keys. Workers, the store and the database are everybody's.",
      response: { 200: json('The cluster.', ref('Cluster')), ...problems('unavailable') },
    },
    async handler(request) {
      readQuery(request.query, {});
      const { role, sees } = request.access;
      const project = role === 'admin' ? null : sees;
      const [state, depths, freeBytes] = await Promise.all([
        readCluster(context.db, project),
        // What the database says is worth having while the queue is away.
        context.queueDepths().catch((error: unknown) => {
          request.log.warn({ err: error }, 'no queue depths');
          return null;
        }),
        context.store.freeBytes(),
      ]);
      const { databaseBytes, keptBytes, connections, queued, ...rest } = state;
      return {
        version: context.version,
        ...rest,
        // The queue does not know projects; the database does.
        queues: depths && (project === null ? depths : queued),
        store: { freeBytes, keptBytes },
        database: { bytes: databaseBytes, connections },
      };
    },
  });
}
