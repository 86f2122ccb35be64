import { parseCollectRequest } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { requireBody } from '../json-body.js';
import { json, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';
import { collect } from '../retention.js';

/** What operators ask for: `POST /v1/gc`. */
export async function operationRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  app.post('/v1/gc', {
    config: { role: 'admin', everyProject: true },
    schema: {
      tags: ['service'],
      summary: 'Delete experiments that ended long ago',
      body: ref('CollectRequest'),
      response: {
        200: json('What was deleted, or would be.', ref('CollectReport')),
        ...problems('invalid-request', 'invalid-json', 'body-too-large', 'unsupported-media-type'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      return collect(context, parseCollectRequest(requireBody(request.body)));
    },
  });
}
