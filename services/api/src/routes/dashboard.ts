/** The dashboard: a static build of services/dashboard, served at `/`. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Where the build lies, seen from the sources as from the compiled file. */
const buildFolder = fileURLToPath(new URL('../../../dashboard/build/', import.meta.url));

/** Addresses that the dashboard shows a page for; they all load the same document. */
const pages = [
  '/',
  '/new',
  '/experiments/:id',
  '/experiments/:id/results',
  '/compare',
  '/theory',
  '/cluster',
] as const;

/** Pages and files of the dashboard. @param folder its build */
export async function dashboardRoutes(app: FastifyInstance, folder: string = buildFolder): Promise<void> {
  if (existsSync(folder)) {
    await app.register(fastifyStatic, {
      root: folder,
      index: false,
      // One route for each file there is: everything else stays the API's to answer.
      wildcard: false,
      cacheControl: false,
      setHeaders(reply, path) {
        // Names under assets/ carry a hash of what they hold.
        const isHashed = path.startsWith(`${folder}assets/`);
        reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  }
  const page = async (_request: unknown, reply: FastifyReply) => {
    if (!existsSync(folder)) {
      throw new TesseraError(
        'not-found',
        'The dashboard is not built here; npm run build makes it. The API is described at /docs.',
      );
    }
    return reply.sendFile('index.html');
  };
  for (const path of pages) app.get(path, { schema: { hide: true } }, page);
}
