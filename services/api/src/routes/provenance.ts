import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { json, pathParameters, problems } from '../openapi.js';
import { readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/** `GET /v1/experiments/{id}/provenance`: what the numbers were made of and by, as the Zarr group says it. */
export async function provenanceRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  app.get<{ Params: { id: string } }>('/v1/experiments/:id/provenance', {
    schema: {
      tags: ['experiments'],
      summary: 'Software, data set and chosen images, with their checksums',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: json('The provenance.', { type: 'object', additionalProperties: true }),
        ...problems('not-found'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      return (await requireExperiment(context, request.params.id)).provenance;
    },
  });
}
