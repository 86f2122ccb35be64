import type { Readable } from 'node:stream';
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { EventHub } from '../event-hub.js';
import { openEventStream } from '../event-stream.js';
import { pathParameters, problems } from '../openapi.js';
import { readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/** How often the keys of open streams are looked at: a revoked one ends its streams within this time. */
const keyCheckMs = 2000;

/** `GET /v1/experiments/{id}/events`. */
export async function eventRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const hub = new EventHub(context.db, context.logger);
  const { eventStreams: most } = context.settings;
  /** Each with the key that opened it. */
  const streams = new Map<Readable, string | null>();
  const keyCheck = setInterval(() => {
    const ids = [...new Set(streams.values())].filter((id) => id !== null);
    if (ids.length === 0) return;
    app.authenticator.stillGood(ids).then(
      (good) => {
        for (const [stream, id] of streams) if (id !== null && !good.has(id)) stream.push(null);
      },
      (error: unknown) => context.logger.warn({ err: error }, 'could not look at the keys of open streams'),
    );
  }, keyCheckMs);
  keyCheck.unref();
  app.addHook('onReady', () => hub.start(context.databaseUrl));
  // Before the server waits for its connections to end, which a stream never does by itself.
  app.addHook('preClose', async () => {
    clearInterval(keyCheck);
    for (const stream of streams.keys()) stream.push(null);
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
        ...problems('not-found', 'unavailable', 'rate-limited'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const record = await requireExperiment(context, request.params.id);
      const { keyId } = request.access;
      const ofKey = [...streams.values()].filter((id) => id === keyId).length;
      if (keyId !== null && ofKey >= most / 2) {
        throw new TesseraError(
          'rate-limited',
          `The key has ${ofKey} event streams open, which is all it may have.`,
        );
      }
      if (streams.size >= most) {
        throw new TesseraError(
          'unavailable',
          `There are ${most} event streams already. Try again later, or poll the experiment.`,
        );
      }
      const stream = openEventStream(hub, record);
      streams.set(stream, keyId);
      stream.once('close', () => streams.delete(stream));
      reply
        .type('text/event-stream')
        .header('cache-control', 'no-cache, no-transform')
        .header('x-accel-buffering', 'no');
      return reply.send(stream);
    },
  });
}
