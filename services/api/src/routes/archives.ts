import type { Readable } from 'node:stream';
import { restoreArchive, writeArchive } from '@tessera/archive';
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { isReserved } from '../dataset-catalog.js';
import { experimentPath, type PlannedExperiment, presentExperiment } from '../experiment-view.js';
import { json, pathParameters, problems, ref } from '../openapi.js';
import { readQuery } from '../query.js';
import { Turns } from '../turns.js';
import { receiveUpload } from '../upload.js';
import { requireExperiment } from './experiments.js';

const archiveType = 'application/x-tar';
/** Restores of one process at a time: each holds two connections to Postgres. */
const restoreLimit = 1;

/** One experiment as a file: `GET /v1/experiments/{id}/archive`, `POST /v1/restore`. */
export async function archiveRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { db, store, settings, version } = context;
  const restores = new Turns(restoreLimit);
  const content = { [archiveType]: { schema: { type: 'string', format: 'binary' } } };

  app.get<{ Params: { id: string } }>('/v1/experiments/:id/archive', {
    exposeHeadRoute: false,
    schema: {
      tags: ['results'],
      summary: 'A completed experiment as a tar file',
      description:
        'Spec, plan, provenance, versions, fingerprints, rows, data set and arrays; SHA256SUMS, the last member, has the checksum of every other.',
      params: pathParameters({ id: 'The experiment.' }),
      response: {
        200: { description: 'The archive.', content },
        ...problems('not-found', 'illegal-state'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const { id } = await requireExperiment(context, request.params.id);
      const archive = await writeArchive(db, store, id, { name: 'tessera', version });
      request.log.info({ experiment: id }, 'experiment archived');
      reply.type(archiveType).header('content-disposition', `attachment; filename="${id}.tar"`);
      return reply.send(archive);
    },
  });

  await app.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser(archiveType, (_request, payload, done) => done(null, payload));
    uploads.post<{ Body: Readable | undefined }>('/v1/restore', {
      config: { takesLongBody: true },
      schema: {
        tags: ['experiments'],
        summary: 'Restore an archived experiment',
        description:
          'Under its own id, with the same rows and the same bytes. What cannot be proved is refused, and nothing is written.',
        consumes: [archiveType],
        body: { content },
        response: {
          201: json('Restored.', ref('Experiment')),
          ...problems(
            'invalid-archive',
            'invalid-request',
            'experiment-exists',
            'quota-exceeded',
            'body-too-large',
            'unsupported-media-type',
            'unavailable',
          ),
        },
      },
      async handler(request, reply) {
        readQuery(request.query, {});
        if (!request.body) throw new TesseraError('invalid-archive', 'The body is empty. Send an archive.');
        await using received = await receiveUpload(settings, request.body, request.headers['content-length']);
        const restored = await restores.run(() =>
          restoreArchive(db, store, received.path, {
            project: request.access.project,
            limits: settings.projectLimits,
            mayName: (name) => !isReserved(name),
          }),
        );
        request.log.info({ experiment: restored.id }, 'experiment restored');
        reply.code(201).header('location', experimentPath(restored.id));
        return presentExperiment(restored as PlannedExperiment);
      },
    });
  });
}
