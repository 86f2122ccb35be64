import type { Readable } from 'node:stream';
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { EventHub } from '../event-hub.js';
import { openEventStream } from '../event-stream.js';
import { pathParameters, problems } from '../openapi.js';
import { readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/** Streams of one process; each holds a socket. */
const streamLimit = 512;

/** `GET /v1/experiments/{id}/events`. */
export async function eventRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const hub = new EventHub(context.db, context.logger);
  const streams = new Set<Readable>();
  app.addHook('onReady', () => hub.start(context.databaseUrl));
  // Before the server waits for its connections to end, which a stream never does by itself.
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.push(null);
  });
  app.addHook('onClose', () => hub.close());

  app.get<{ Params: { id: string } }>('/v1/experiments/:id/events', {
    exposeHeadRoute: false,
    schema: {
      tags: ['experiments'],
      summary: 'Watch an experiment',
      description:
        'Server-sent events `state` (StateEvent) and `progress` (Progress). The id of an event is the revision of ' +
        'the experiment. Both come at once on connecting; progress comes at most four times a second.',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: {
          description: 'The stream; it ends when the experiment is deleted or the server stops.',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        ...problems('not-found', 'unavailable'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const record = await requireExperiment(context, request.params.id);
      if (streams.size >= streamLimit) {
        throw new TesseraError(
          'unavailable',
          `There are ${streamLimit} event streams already. Try again later, or poll the experiment.`,
        );
      }
      const stream = openEventStream(hub, record);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      reply
        .type('text/event-stream')
        .header('cache-control', 'no-cache, no-transform')
        .header('x-accel-buffering', 'no');
      return reply.send(stream);
    },
  });
}
