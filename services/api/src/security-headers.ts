/** What browsers are told: which code may run on our pages, who may embed them, who may read our answers. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { Settings } from '@tessera/config';
import type { FastifyInstance } from 'fastify';

/**
 * No inline script or style and nothing of other hosts; images and workers also from blobs that our own code made. Browsers are
 * not told to ask by https: a server within a network does not speak it, and a proxy that does says so itself.
 */
const policy = {
  defaultSrc: ["'self'"],
  baseUri: ["'none'"],
  connectSrc: ["'self'"],
  fontSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  objectSrc: ["'none'"],
  scriptSrc: ["'self'"],
  scriptSrcAttr: ["'none'"],
  styleSrc: ["'self'"],
  styleSrcAttr: ["'none'"],
  workerSrc: ["'self'", 'blob:'],
};

export async function installSecurityHeaders(
  app: FastifyInstance,
  { corsOrigins }: Pick<Settings, 'corsOrigins'>,
): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    // An https page may open an experiment's arrays by a link; nothing of ours embeds another site.
    crossOriginResourcePolicy: { policy: 'same-origin' },
  });
  // Answers are of whoever asked: no shared cache keeps them, and a browser asks before it shows one again.
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url?.startsWith('/v1/')) reply.header('cache-control', 'private, no-cache');
  });
  if (corsOrigins.length === 0) return;
  await app.register(cors, {
    origin: [...corsOrigins],
    credentials: false,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-none-match',
      'last-event-id',
      'tessera-project',
    ],
    exposedHeaders: ['etag', 'location', 'content-length', 'content-disposition', 'retry-after'],
    maxAge: 600,
    strictPreflight: false,
  });
}
