import {
  closeSession,
  createKey,
  listKeys,
  listProjects,
  openSession,
  revokeKey,
  setProjectLimits,
} from '@tessera/database';
import {
  allProjects,
  isProjectName,
  type KeyInfo,
  keyRequestSchema,
  pageLimits,
  parseRequest,
  projectLimitsSchema,
  type SessionInfo,
  sessionRequestSchema,
  TesseraError,
} from '@tessera/spec';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sessionCookie } from '../access/authenticate.js';
import type { AppContext } from '../app-context.js';
import { cursorParameter, pageOf } from '../cursor.js';
import { requireBody } from '../json-body.js';
import { empty, json, pageResponse, pathParameters, problems, ref } from '../openapi.js';
import { limitParameter, querySchema, readQuery } from '../query.js';

/** A browser shows its key again after this time. */
const sessionMs = 12 * 3_600_000;
const keyList = 'keys';
const keyQuery = { cursor: cursorParameter(keyList), limit: limitParameter };
const bodyProblems = ['invalid-request', 'invalid-json', 'body-too-large', 'unsupported-media-type'] as const;

/** Sessions, keys and projects: who may do what. */
export async function accessRoutes(app: FastifyInstance, context: AppContext): Promise<void> {
  const { db, settings } = context;
  const { authenticator } = app;

  app.get('/v1/session', {
    config: { role: 'public' },
    schema: {
      tags: ['access'],
      summary: 'Whom the server takes you for',
      response: { 200: json('Role and project, null without a good key.', ref('Session')) },
    },
    async handler(request, reply): Promise<SessionInfo> {
      readQuery(request.query, {});
      const holder = await authenticator.recognize(request);
      reply.header('cache-control', 'no-store');
      return {
        required: authenticator.isRequired,
        role: holder?.role ?? null,
        project: holder?.project ?? null,
      };
    },
  });

  app.post('/v1/session', {
    config: { role: 'public' },
    schema: {
      tags: ['access'],
      summary: 'Open a session of a key: a cookie for browsers',
      body: ref('SessionRequest'),
      response: {
        204: empty('Opened; the cookie stands for the key for twelve hours.'),
        ...problems(...bodyProblems, 'unauthorized', 'forbidden', 'rate-limited'),
      },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const { key } = parseRequest(sessionRequestSchema, requireBody(request.body), 'The request');
      const { keyId } = await authenticator.check(request, key);
      const secret = await openSession(db, keyId, sessionMs);
      request.log.info({ key: keyId }, 'session opened');
      reply.setCookie(sessionCookie, secret, { ...cookieOf(request), maxAge: sessionMs / 1000 });
      return reply.code(204).send();
    },
  });

  app.delete('/v1/session', {
    config: { role: 'public' },
    schema: {
      tags: ['access'],
      summary: 'Close the session of the cookie',
      response: { 204: empty('Closed, or there was none.'), ...problems('forbidden') },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const secret = request.cookies[sessionCookie];
      if (secret) await closeSession(db, secret);
      authenticator.forget();
      return reply.clearCookie(sessionCookie, cookieOf(request)).code(204).send();
    },
  });

  app.post('/v1/keys', {
    config: { role: 'admin' },
    schema: {
      tags: ['access'],
      summary: 'Make a key',
      description: 'The answer is the only one that has the key itself; what is stored is its hash.',
      body: ref('KeyRequest'),
      response: { 201: json('Made.', ref('CreatedKey')), ...problems(...bodyProblems, 'forbidden') },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      const body = requireBody(request.body);
      const { role, project, name, expiresInSeconds } = parseRequest(keyRequestSchema, body, 'The request');
      const { access } = request;
      const wanted = project ?? access.project;
      if (access.sees !== null && wanted !== access.sees)
        throw new TesseraError(
          'forbidden',
          `An admin of the project ${access.sees} makes keys of that project only.`,
        );
      const expiresAt = expiresInSeconds === null ? null : new Date(Date.now() + 1000 * expiresInSeconds);
      const { key, info } = await createKey(db, { role, project: wanted, name, expiresAt });
      request.log.info({ key: info.id, role, project: wanted, by: access.keyId }, 'key made');
      reply.header('cache-control', 'no-store');
      return reply.code(201).send({ ...info, key });
    },
  });

  app.get('/v1/keys', {
    config: { role: 'admin' },
    schema: {
      tags: ['access'],
      summary: 'List keys, newest first, without their secrets',
      querystring: querySchema(keyQuery),
      response: { 200: pageResponse('A page.', 'Key'), ...problems('invalid-request', 'forbidden') },
    },
    async handler(request) {
      const { cursor, limit } = readQuery(request.query, keyQuery);
      const most = limit ?? pageLimits.default;
      const rows = await listKeys(db, {
        project: request.access.sees ?? allProjects,
        before: cursor,
        limit: most + 1,
      });
      return pageOf(
        rows,
        most,
        keyList,
        (row) => row.sequence,
        ({ sequence, ...info }): KeyInfo => info,
      );
    },
  });

  app.delete<{ Params: { id: string } }>('/v1/keys/:id', {
    config: { role: 'admin' },
    schema: {
      tags: ['access'],
      summary: 'Revoke a key, and end its sessions',
      params: pathParameters({ id: 'The key: the part between the underscores.' }),
      response: { 204: empty('Revoked.'), ...problems('forbidden', 'not-found') },
    },
    async handler(request, reply) {
      readQuery(request.query, {});
      await revokeKey(db, request.params.id, request.access.sees ?? allProjects);
      authenticator.forget();
      request.log.info({ key: request.params.id, by: request.access.keyId }, 'key revoked');
      return reply.code(204).send();
    },
  });

  app.get('/v1/projects', {
    schema: {
      tags: ['access'],
      summary: 'What your projects hold, and what they may hold',
      response: {
        200: json('Projects by name.', {
          type: 'object',
          required: ['items'],
          properties: { items: { type: 'array', items: ref('Project') } },
        }),
      },
    },
    async handler(request) {
      readQuery(request.query, {});
      return { items: await listProjects(db, settings.projectLimits, request.access.sees) };
    },
  });

  app.put<{ Params: { project: string } }>('/v1/projects/:project', {
    config: { role: 'admin', everyProject: true },
    schema: {
      tags: ['access'],
      summary: 'Set the limits of a project',
      description:
        'null: as the settings say. Needs an admin of every project, or no key where none is needed.',
      params: pathParameters({ project: 'The project; made where it is not there yet.' }),
      body: ref('ProjectLimits'),
      response: { 200: json('Set.', ref('Project')), ...problems(...bodyProblems, 'forbidden') },
    },
    async handler(request) {
      readQuery(request.query, {});
      const { access } = request;
      const { project } = request.params;
      if (!isProjectName(project))
        throw new TesseraError(
          'invalid-request',
          'A project is named by 1 to 63 small letters, digits and "-".',
        );
      const limits = parseRequest(projectLimitsSchema, requireBody(request.body), 'The limits');
      await setProjectLimits(db, project, limits);
      request.log.info({ project, limits, by: access.keyId }, 'limits of a project set');
      return (await listProjects(db, settings.projectLimits, project))[0];
    },
  });
}

/** Out of reach of scripts and of other sites; over https only where the page came that way. */
const cookieOf = (request: FastifyRequest) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'strict' as const,
  secure: request.protocol === 'https',
});
