/** Keys of the REST API, and the browser sessions that stand for them. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { allProjects, type KeyInfo, type Role, TesseraError } from '@tessera/spec';
import { type Database, inTransaction } from './connection.js';
import type { ApiKey } from './generated/client.js';

/** A key that was found good: who asks, and in which project (`*`: in every one). */
export interface KeyHolder {
  keyId: string;
  role: Role;
  project: string;
}

export interface NewKey {
  role: Role;
  /** Made where it is not there yet; `*` for a key of every project. */
  project: string;
  name: string;
  expiresAt: Date | null;
}

const keyPattern = /^tessera_([a-z0-9]{4,32})_([A-Za-z0-9_-]{43,128})$/;
const idDigits = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Makes a key. Its text, `tessera_ID_SECRET` with 256 random bits, is returned here and never again: the row keeps the
 * sha256 of it. A slow hash would add nothing: it makes guessing a chosen password dear, and nobody guesses 256 bits.
 */
export async function createKey(db: Database, made: NewKey): Promise<{ key: string; info: KeyInfo }> {
  const id = [...randomBytes(12)].map((byte) => idDigits[byte % 32]).join('');
  const key = `tessera_${id}_${randomBytes(32).toString('base64url')}`;
  return { key, info: await insertKey(db, id, key, made) };
}

/**
 * Makes the key of a text that the operator chose (a secret file): what a deployment starts with. Does nothing where a
 * key of this text is there, revoked or not.
 * @throws TesseraError invalid-request where the text is no key, or its id is another key's
 */
export async function ensureKey(db: Database, key: string, made: NewKey): Promise<'created' | 'known'> {
  const [, id] = keyPattern.exec(key) ?? [];
  if (id === undefined) {
    throw new TesseraError(
      'invalid-request',
      'This is no key. Write tessera_ID_SECRET: an id of 4 to 32 small letters and digits, a random secret of 43 or more characters.',
    );
  }
  const known = await db.prisma.apiKey.findUnique({ where: { id } });
  if (known === null) {
    await insertKey(db, id, key, made);
    return 'created';
  }
  if (matches(known, key)) return 'known';
  throw new TesseraError('invalid-request', `Another key has the id ${id}. Choose another id.`);
}

async function insertKey(db: Database, id: string, key: string, made: NewKey): Promise<KeyInfo> {
  return inTransaction(db, async (client) => {
    if (made.project !== allProjects)
      await client.query('INSERT INTO projects (name) VALUES ($1) ON CONFLICT DO NOTHING', [made.project]);
    const { rows } = await client.query<{ created_at: Date }>(
      `INSERT INTO api_keys (id, name, role, project, secret_sha256, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
       RETURNING created_at`,
      [id, made.name, made.role, made.project, sha256(key), made.expiresAt],
    );
    return presentKey({
      id,
      name: made.name,
      role: made.role,
      project: made.project,
      createdAt: rows[0]?.created_at as Date,
      expiresAt: made.expiresAt,
      revokedAt: null,
    });
  });
}

/** Who shows this key; null where there is no such key, or it has expired or was revoked. */
export async function verifyKey(db: Database, key: string): Promise<KeyHolder | null> {
  const [, id] = keyPattern.exec(key) ?? [];
  if (id === undefined) return null;
  const found = await db.prisma.apiKey.findUnique({ where: { id } });
  return found !== null && matches(found, key) && isGood(found) ? holderOf(found) : null;
}

/** Keys newest first, those of one project or (`*`) all. */
export async function listKeys(
  db: Database,
  query: { project: string; before: bigint | null; limit: number },
): Promise<(KeyInfo & { sequence: bigint })[]> {
  const rows = await db.prisma.apiKey.findMany({
    where: {
      ...(query.project !== allProjects && { project: query.project }),
      ...(query.before !== null && { sequence: { lt: query.before } }),
    },
    orderBy: { sequence: 'desc' },
    take: query.limit,
  });
  return rows.map((row) => ({ ...presentKey(row), sequence: row.sequence }));
}

/**
 * Ends a key for good, and the sessions it opened; one that has ended already stays as it is.
 * @param project whose keys may be ended; `*`: everybody's
 * @throws TesseraError not-found
 */
export async function revokeKey(db: Database, id: string, project: string): Promise<void> {
  const { count } = await db.prisma.apiKey.updateMany({
    where: { id, ...(project !== allProjects && { project }) },
    data: { revokedAt: new Date() },
  });
  if (count === 0) throw new TesseraError('not-found', `There is no key ${JSON.stringify(id.slice(0, 80))}.`);
  await db.prisma.session.deleteMany({ where: { keyId: id } });
}

/** Of these keys, the ids of those that are still good. */
export async function goodKeys(db: Database, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db.prisma.apiKey.findMany({ where: { id: { in: [...ids] } } });
  return new Set(rows.filter(isGood).map(({ id }) => id));
}

/** Whether anybody could use an API that asks for keys. */
export async function hasGoodKey(db: Database): Promise<boolean> {
  const found = await db.prisma.apiKey.findFirst({
    where: { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] },
    select: { id: true },
  });
  return found !== null;
}

/** @throws where nobody could use an API that asks for keys, with the command that makes one */
export async function requireAnyKey(db: Database, host: string): Promise<void> {
  if (await hasGoodKey(db)) return;
  throw new Error(
    `The API asks for keys (it would listen on ${host}), and there is none. Make the first one with: ` +
      "npx --no tessera key create --database --role admin --project '*'",
  );
}

/** Opens a browser's session of a good key: a secret of its own, so that the cookie does not hold the key. */
export async function openSession(db: Database, keyId: string, lifeMs: number): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  await db.prisma.session.deleteMany({ where: { expiresAt: { lt: new Date() } } });
  await db.prisma.session.create({
    data: { secretSha256: sha256(secret), keyId, expiresAt: new Date(Date.now() + lifeMs) },
  });
  return secret;
}

/** Who opened this session; null where it has ended, or its key has. */
export async function verifySession(db: Database, secret: string): Promise<KeyHolder | null> {
  const found = await db.prisma.session.findUnique({
    where: { secretSha256: sha256(secret) },
    include: { key: true },
  });
  return found !== null && found.expiresAt > new Date() && isGood(found.key) ? holderOf(found.key) : null;
}

export async function closeSession(db: Database, secret: string): Promise<void> {
  await db.prisma.session.deleteMany({ where: { secretSha256: sha256(secret) } });
}

const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest());

/** In constant time: how long it takes tells nothing of the stored hash. */
const matches = ({ secretSha256 }: ApiKey, key: string) => timingSafeEqual(secretSha256, sha256(key));

const isGood = ({ revokedAt, expiresAt }: ApiKey) =>
  revokedAt === null && (expiresAt === null || expiresAt > new Date());

const holderOf = ({ id, role, project }: ApiKey): KeyHolder => ({ keyId: id, role: role as Role, project });

function presentKey(row: Omit<ApiKey, 'sequence' | 'secretSha256'>): KeyInfo {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    project: row.project,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}
