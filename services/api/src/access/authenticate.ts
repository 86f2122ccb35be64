/** From a request's key or cookie to who asks. */
import { createHash } from 'node:crypto';
import { needsKeys } from '@tessera/config';
import { goodKeys, type KeyHolder, verifyKey, verifySession } from '@tessera/database';
import { defaultProject, type Role, TesseraError } from '@tessera/spec';
import type { FastifyRequest } from 'fastify';
import type { AppContext } from '../app-context.js';
import { FailureCounter } from './failure-counter.js';

export const sessionCookie = 'tessera_session';

export interface Holder {
  keyId: string | null;
  role: Role;
  project: string;
}

export interface Authenticator {
  /** Whether a key is needed. */
  isRequired: boolean;
  /** @throws TesseraError unauthorized, rate-limited */
  authenticate(request: FastifyRequest): Promise<Holder>;
  /** Who asks; null where `authenticate` would refuse for want of a good key. */
  recognize(request: FastifyRequest): Promise<Holder | null>;
  /** The holder of a key's text. @throws TesseraError unauthorized, rate-limited */
  check(request: FastifyRequest, key: string): Promise<KeyHolder>;
  /** Forgets what is remembered: a key was revoked, a session closed. */
  forget(): void;
  /** Of these keys, those that are still good. */
  stillGood(ids: readonly string[]): Promise<Set<string>>;
}

/** How long a key that was found good is taken for good without asking: a revoked one ends within this time. */
const rememberedMs = 2000;
const rememberedKeys = 10_000;

/** Whoever asks without a key where none is needed. */
const anybodyHere: Holder = { keyId: null, role: 'admin', project: defaultProject };

export function openAuthenticator({ db, settings }: AppContext): Authenticator {
  const isRequired = needsKeys(settings);
  const failures = new FailureCounter();
  const remembered = new Map<string, { holder: KeyHolder; until: number }>();

  /** Asks the database, at most once in `rememberedMs` for the same secret; what is remembered is its hash. */
  async function holderOf(
    secret: string,
    ask: (secret: string) => Promise<KeyHolder | null>,
    request: FastifyRequest,
  ): Promise<KeyHolder | null> {
    const name = createHash('sha256').update(secret).digest('base64');
    const known = remembered.get(name);
    if (known && known.until > performance.now()) return known.holder;
    // One that was good a while ago is looked at again all the same: who guesses beside its user must not lock that one out.
    if (!known) failures.refuse(request.ip);
    const holder = await ask(secret);
    if (holder === null) {
      remembered.delete(name);
      failures.count(request.ip);
      return null;
    }
    if (remembered.size >= rememberedKeys) remembered.clear();
    remembered.set(name, { holder, until: performance.now() + rememberedMs });
    return holder;
  }

  const check = async (request: FastifyRequest, key: string) => {
    const holder = await holderOf(key, (text) => verifyKey(db, text), request);
    if (holder === null)
      throw new TesseraError('unauthorized', 'The key is not known, has expired or was revoked.');
    return holder;
  };

  const fromCookie = async (request: FastifyRequest) => {
    const secret = request.cookies[sessionCookie];
    return secret === undefined || secret === ''
      ? null
      : holderOf(secret, (text) => verifySession(db, text), request);
  };

  return {
    isRequired,
    check,
    async authenticate(request) {
      const key = bearerKey(request);
      if (key !== null) return check(request, key);
      const holder = await fromCookie(request);
      if (holder !== null) return holder;
      if (!isRequired) return anybodyHere;
      throw new TesseraError('unauthorized', 'Send a key: Authorization: Bearer KEY.');
    },
    async recognize(request) {
      try {
        return await this.authenticate(request);
      } catch (error) {
        if (error instanceof TesseraError && error.code === 'unauthorized') return null;
        throw error;
      }
    },
    forget() {
      for (const known of remembered.values()) known.until = 0;
    },
    stillGood: (ids) => goodKeys(db, ids),
  };
}

/** @throws TesseraError unauthorized where the header has another form */
function bearerKey({ headers }: FastifyRequest): string | null {
  const { authorization } = headers;
  if (authorization === undefined) return null;
  const [, key] = /^bearer +(\S{1,200})$/i.exec(authorization) ?? [];
  if (key !== undefined) return key;
  throw new TesseraError('unauthorized', 'The header Authorization is not as it should be: Bearer KEY.');
}
