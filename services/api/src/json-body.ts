/** The parser of JSON bodies: UTF-8, at most 1 MiB, an empty body is `undefined`. */
import { TesseraError } from '@tessera/spec';
import type { FastifyInstance } from 'fastify';

/** The largest JSON body, bytes. Uploads have a limit of their own, a setting. */
export const jsonBodyLimit = 1_048_576;

/**
 * Replaces Fastify's parsers. Keys such as `__proto__` need no care here: JSON.parse makes them own
 * properties, and every schema of ours is closed, so they are reported as unknown fields.
 */
export function installJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: jsonBodyLimit },
    (_request, body, done) => {
      try {
        done(null, parseJson(body));
      } catch (error) {
        done(error as Error, undefined);
      }
    },
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (cause) {
    throw new TesseraError('invalid-json', 'The body is not UTF-8 text.', { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TesseraError('invalid-json', `The body is not valid JSON: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** The JSON a route cannot do without. */
export function requireBody(body: unknown): unknown {
  if (body !== undefined && body !== null) return body;
  throw new TesseraError(
    'invalid-json',
    body === null
      ? 'The body is null. Send a JSON object.'
      : 'The body is empty. Send JSON with content-type application/json.',
  );
}
