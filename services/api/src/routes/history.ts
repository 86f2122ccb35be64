import { readExperimentLog, readFailureGroups, readProgressSamples, sampleProgress } from '@tessera/database';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { json, pathParameters, problems, ref } from '../openapi.js';
import { integerParameter, querySchema, readQuery } from '../query.js';
import { requireExperiment } from './experiments.js';

const query = { limit: integerParameter(1, 2000, 'The most lines of the log; 200 where it is left out.') };

/** Between two notes of how far the running experiments are. */
const sampleMs = 2000;

/** `GET /v1/experiments/{id}/history`, and the notes that it reads. */
export async function historyRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { db, logger } = context;
  let timer: NodeJS.Timeout | null = null;
  let isSampling = false;
  app.addHook('onListen', async () => {
    // Replicas share the notes: whoever comes first writes one.
    timer = setInterval(() => {
      if (isSampling) return;
      isSampling = true;
      sampleProgress(db, sampleMs)
        .catch((error: unknown) => logger.debug({ err: error }, 'no note of the progress'))
        .finally(() => {
          isSampling = false;
        });
    }, sampleMs);
    timer.unref();
  });
  app.addHook('onClose', async () => {
    if (timer) clearInterval(timer);
  });

  app.get<{ Params: { id: string } }>('/v1/experiments/:id/history', {
    schema: {
      tags: ['experiments'],
      summary: 'What has happened: the log, the progress over time, failures by cause',
      params: pathParameters({ id: 'The experiment.' }),
      querystring: querySchema(query),
      response: {
        200: json('The history.', ref('ExperimentHistory')),
        ...problems('not-found', 'invalid-request'),
      },
    },
    async handler(request) {
      const { limit } = readQuery(request.query, query);
      const { id } = await requireExperiment(context, request.params.id);
      const [log, samples, failures] = await Promise.all([
        readExperimentLog(db, id, { limit: limit ?? 200 }),
        readProgressSamples(db, id),
        readFailureGroups(db, id),
      ]);
      return { log, samples, failures };
    },
  });
}
