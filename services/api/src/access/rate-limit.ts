import rateLimit from '@fastify/rate-limit';
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { networkOf } from './network.js';

/**
 * Limits the requests a minute of one key, and of one address where no key is shown. Health is asked freely, and so is a
 * server of this machine that needs no key. Register after `installAccess`, whose hook runs first.
 */
export async function installRateLimit(app: FastifyInstance, { settings }: AppContext): Promise<void> {
  const { rateLimit: most } = settings;
  if (most === 0) return;
  await app.register(rateLimit, {
    max: most,
    timeWindow: 60_000,
    cache: 50_000,
    keyGenerator: (request) =>
      request.access?.keyId ? `key ${request.access.keyId}` : `address ${networkOf(request.ip)}`,
    allowList: (request) =>
      (!app.authenticator.isRequired && !request.access?.keyId) ||
      ['/healthz', '/readyz'].includes(request.routeOptions.url ?? ''),
    errorResponseBuilder: (_request, { max }) =>
      new TesseraError(
        'rate-limited',
        `More than ${max} requests in a minute. Wait as long as Retry-After says.`,
      ),
  });
}
