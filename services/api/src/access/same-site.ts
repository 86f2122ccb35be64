import { isIP } from 'node:net';
import { isLoopback, type Settings } from '@tessera/config';
import { TesseraError } from '@tessera/spec';
import type { FastifyRequest } from 'fastify';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what a page of another site has a browser send: a browser brings the cookie along, and reaches a server of
 * this machine that asks for no key.
 *  - Unsafe methods with an `Origin` that is neither ours nor a setting's.
 *  - Where no key is needed, a `Host` that is a name of the DNS: a name of the attacker's, rebound to this address.
 * @throws TesseraError forbidden
 */
export function refuseOtherSites(
  request: FastifyRequest,
  { corsOrigins }: Pick<Settings, 'corsOrigins'>,
  isKeyRequired: boolean,
): void {
  if (!isKeyRequired && !isOfThisMachine(request.hostname))
    throw new TesseraError(
      'forbidden',
      'Without keys this server answers to its address or to localhost only.',
    );
  if (safeMethods.has(request.method)) return;
  const { origin } = request.headers;
  const isOurs = origin === undefined ? !isFromElsewhere(request) : hostOf(origin) === request.host;
  if (!isOurs && !(origin !== undefined && corsOrigins.includes(origin)))
    throw new TesseraError('forbidden', 'A page of another site sent this request.');
}

const isFromElsewhere = ({ headers }: FastifyRequest) =>
  headers['sec-fetch-site'] !== undefined &&
  !['same-origin', 'none'].includes(String(headers['sec-fetch-site']));

const hostOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : null);

function isOfThisMachine(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return name === '' || isIP(name) > 0 || isLoopback(name) || name.endsWith('.localhost');
}
