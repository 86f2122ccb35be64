import { planSummary } from '@tessera/plan';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import type { DatasetCatalog } from '../dataset-catalog.js';
import { requireBody } from '../json-body.js';
import { readMachines } from '../machines.js';
import { json, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';
import { parseSpecOfBody, planSpec } from '../spec-intake.js';

/** `POST /v1/plans`: what an experiment would be, without creating it. */
export async function planRoutes(
  app: FastifyInstance,
  context: AppContext & { catalog: DatasetCatalog },
): Promise<void> {
  const { catalog, store } = context;
  app.post('/v1/plans', {
    config: { role: 'viewer' },
    schema: {
      tags: ['experiments'],
      summary: 'Plan a spec without creating anything',
      body: ref('ExperimentSpec'),
      response: {
        200: json('Its size and cost, and the spec with its defaults.', ref('PlanSummary')),
        ...problems(
          'invalid-spec',
          'invalid-json',
          'plan-too-large',
          'body-too-large',
          'unsupported-media-type',
        ),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      const visible = catalog.of(request.access);
      const spec = await parseSpecOfBody(visible, requireBody(request.body));
      const { options, room } = await readMachines(context);
      const { plan } = await planSpec(visible, store, spec, options);
      return planSummary(plan, spec, room);
    },
  });
}
