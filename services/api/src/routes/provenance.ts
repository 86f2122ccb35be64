import { computedBy } from '@tessera/database';
import { tolerancesOf } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { json, pathParameters, problems } from '../openapi.js';
import { readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

/**
 * `GET /v1/experiments/{id}/provenance`: what the numbers were made of, as the Zarr group says it, and by: every engine and device with
 * a part in it. Where tiles are of more than one fingerprint they agree to a tolerance, else to the bit.
 */
export async function provenanceRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  app.get<{ Params: { id: string } }>('/v1/experiments/:id/provenance', {
    schema: {
      tags: ['experiments'],
      summary:
        'Software, data set and chosen images, with their checksums; engines and devices, and how near their numbers are',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: json('The provenance.', { type: 'object', additionalProperties: true }),
        ...problems('not-found'),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      const { id, provenance, spec } = await requireExperiment(context, request.params.id);
      const parts = await computedBy(context.db, id);
      const tiles = parts.filter(({ wave }) => wave === 'train' || wave === 'strip');
      const isMixed = new Set(tiles.map(({ fingerprint }) => fingerprint)).size > 1;
      const tolerance = isMixed ? tolerancesOf(spec.precision, spec.architecture.activation.name) : null;
      return { ...provenance, numerics: { asked: spec.numerics, computedBy: parts, tolerance } };
    },
  });
}
