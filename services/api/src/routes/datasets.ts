import type { Readable } from 'node:stream';
import {
  deleteDataset,
  findDataset,
  listDatasets,
  nameDataset,
  removeUnused,
  withContents,
} from '@tessera/database';
import { datasetFolder, importNpz, openDataset } from '@tessera/dataset';
import { datasetNameSchema, pageLimits, TesseraError } from '@tessera/spec';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access } from '../access/access.js';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import { type DatasetCatalog, isReserved, type NamedDataset, presentDataset } from '../dataset-catalog.js';
import { empty, json, pageResponse, pathParameters, problems, ref } from '../openapi.js';
import { limitParameter, querySchema, readQuery } from '../query.js';
import { Turns } from '../turns.js';
import { receiveUpload } from '../upload.js';

const list = 'datasets';
const listQuery = { cursor: cursorParameter(list), limit: limitParameter };
const uploadTypes = ['application/zip', 'application/octet-stream', 'application/x-npz'];
/** Uploads that one process receives at a time: each holds a socket and a file. */
const uploadLimit = 32;
/** Imports of one process at a time: each holds a connection to Postgres and reads an array into memory. */
const importLimit = 3;
const nameRule = datasetNameSchema as unknown as { pattern: string; description: string };
type WithName = { Params: { name: string } };
const parameters = pathParameters({ name: nameRule.description });

/** Data sets: upload, list, show, delete. */
export async function datasetRoutes(
  app: FastifyInstance,
  context: AppContext & { catalog: DatasetCatalog },
): Promise<void> {
  const { db, store, settings } = context;
  const uploading = new Set<FastifyRequest>();
  const imports = new Turns(importLimit);

  app.get('/v1/datasets', {
    schema: {
      tags: ['datasets'],
      summary: 'List data sets, newest first',
      querystring: querySchema(listQuery),
      response: { 200: pageResponse('A page.', 'Dataset'), ...problems('invalid-request') },
    },
    async handler(request) {
      const { cursor, limit } = readQuery(request.query, listQuery);
      const most = limit ?? pageLimits.default;
      const rows = (await listDatasets(db, {
        project: request.access.sees,
        before: cursor,
        limit: most + 1,
      })) as NamedDataset[];
      return pageOf(rows, most, list, (row) => row.sequence, presentDataset);
    },
  });

  app.get<WithName>('/v1/datasets/:name', {
    schema: {
      tags: ['datasets'],
      summary: 'Show a data set',
      params: parameters,
      response: { 200: json('The data set.', ref('Dataset')), ...problems('not-found') },
    },
    async handler(request) {
      readQuery(request.query, {});
      return presentDataset(await requireDataset(request.access, request.params.name));
    },
  });

  app.delete<WithName>('/v1/datasets/:name', {
    schema: {
      tags: ['datasets'],
      summary: 'Delete a data set that no experiment uses',
      params: parameters,
      response: {
        204: empty('Deleted.'),
        ...problems('not-found', 'dataset-reserved', 'dataset-in-use'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const { name } = request.params;
      const { project } = request.access;
      refuseReserved(name, 'deleted');
      await requireDataset(request.access, name);
      await withContents(db, 'remove', async () => {
        const orphan = await deleteDataset(db, name, project);
        if (orphan !== null) await store.deletePrefix(datasetFolder(orphan));
      });
      request.log.info({ dataset: name }, 'data set deleted');
      return reply.code(204).send();
    },
  });

  // The only routes that take a body other than JSON; the handler reads it as a stream.
  await app.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser(uploadTypes, (_request, payload, done) => done(null, payload));
    uploads.put<WithName & { Body: Readable | undefined }>('/v1/datasets/:name', {
      config: { takesLongBody: true },
      schema: {
        tags: ['datasets'],
        summary: 'Upload a data set',
        description:
          'An .npz of x_train, y_train and optionally x_test, y_test, as numpy and Keras write them.',
        consumes: uploadTypes,
        params: parameters,
        body: {
          content: Object.fromEntries(
            uploadTypes.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
          ),
        },
        response: {
          200: json('The name held these bytes already.', ref('Dataset')),
          201: json('Imported.', ref('Dataset')),
          ...problems(
            'invalid-request',
            'invalid-dataset',
            'dataset-exists',
            'dataset-reserved',
            'quota-exceeded',
            'body-too-large',
            'unsupported-media-type',
            'unavailable',
          ),
        },
      },
      async handler(request, reply) {
        readQuery(request.query, {});
        const { name } = request.params;
        refuseBadName(name);
        refuseReserved(name, 'uploaded');
        if (uploading.size >= uploadLimit)
          throw new TesseraError('unavailable', 'Too many uploads at once. Try again later.');
        uploading.add(request);
        try {
          const { outcome, record } = await upload(name, request);
          request.log.info({ dataset: name, outcome }, 'data set uploaded');
          reply.code(outcome === 'created' ? 201 : 200).header('location', `/v1/datasets/${name}`);
          return presentDataset(record);
        } finally {
          uploading.delete(request);
        }
      },
    });
  });

  async function upload(
    name: string,
    request: FastifyRequest<{ Body: Readable | undefined }>,
  ): Promise<{ outcome: 'created' | 'same'; record: NamedDataset }> {
    if (!request.body)
      throw new TesseraError('invalid-dataset', 'The body is empty. Send the bytes of an .npz file.');
    await using received = await receiveUpload(settings, request.body, request.headers['content-length']);
    const { project } = request.access;
    const known = await findDataset(db, name, project);
    if (known && known.uploadSha256 !== received.sha256) {
      throw new TesseraError(
        'dataset-exists',
        `The name ${name} holds other bytes. Choose another name, or delete it first.`,
      );
    }
    // The same bytes are imported again where the store has lost what they became.
    if (known && (await isStored(known.sha256))) return { outcome: 'same', record: known as NamedDataset };
    // Awaited here: the file is deleted when this function returns.
    let imported: string | null = null;
    const importing = imports.run(() =>
      withContents(db, 'import', async () => {
        const manifest = await importNpz(store, received.path);
        const limits = settings.projectLimits;
        const { sha256 } = manifest;
        imported = sha256;
        const uploadSha256 = received.sha256;
        const outcome = await nameDataset(db, { name, project, limits, sha256, uploadSha256, manifest });
        // Here, where nobody can delete it meanwhile.
        return { outcome, record: (await findDataset(db, name, project)) as NamedDataset };
      }),
    );
    return await importing.catch(async (error: unknown) => {
      // It got no name: the project has no room for it.
      const unnamed = imported;
      if (unnamed !== null) await removeUnused(db, unnamed, () => store.deletePrefix(datasetFolder(unnamed)));
      throw error;
    });
  }

  async function isStored(sha256: string): Promise<boolean> {
    try {
      await openDataset(store, sha256);
      return true;
    } catch (error) {
      if (error instanceof TesseraError && ['not-found', 'corrupt-chunk'].includes(error.code)) return false;
      throw error;
    }
  }

  async function requireDataset({ project }: Access, name: string): Promise<NamedDataset> {
    const found = isName(name) ? await findDataset(db, name, project) : null;
    if (found) return found as NamedDataset;
    throw new TesseraError('not-found', `There is no data set ${JSON.stringify(name.slice(0, 80))}.`);
  }
}

const namePattern = new RegExp(nameRule.pattern);
const isName = (name: string) => namePattern.test(name);

function refuseBadName(name: string): void {
  if (isName(name)) return;
  const message = `name is ${JSON.stringify(name.slice(0, 80))}; write ${nameRule.description}.`;
  throw new TesseraError('invalid-request', 'The name of the data set is not valid.', {
    problems: [{ pointer: '/name', message }],
  });
}

function refuseReserved(name: string, what: string): void {
  if (isReserved(name))
    throw new TesseraError(
      'dataset-reserved',
      `The name ${name} is reserved: it is imported by the service itself and cannot be ${what}.`,
    );
}
