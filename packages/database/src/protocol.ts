import type { Database } from './connection.js';

/**
 * The version of what processes say to each other through the database and the queue: the meaning of tasks, plans and
 * pieces. Raised by one with any change that the version before would misread; neighbours (N and N - 1) must understand
 * each other, so such a change takes two releases: first read both, then write the new. docs/upgrading.md has the rule.
 */
export const protocolVersion = 1;

/** A process that would not understand the others; the message names it and says what to do. */
export class ProtocolMismatch extends Error {
  override readonly name = 'ProtocolMismatch';
}

/** The database's protocol: the newest that an API on it has spoken. */
export async function databaseProtocol(db: Database): Promise<number> {
  const { protocol } = await db.prisma.instance.findFirstOrThrow({ select: { protocol: true } });
  return protocol;
}

/**
 * Sets the database's protocol to the API's where that is newer. An older API of the neighbouring version leaves it: a
 * rollback by one is a rolling restart as any other.
 * @throws ProtocolMismatch where the database has moved on by more than one
 */
export async function raiseProtocol(db: Database, own: number, version: string): Promise<void> {
  const { rows } = await db.pool.query<{ protocol: number }>(
    'UPDATE instance SET protocol = GREATEST(protocol, $1) RETURNING protocol',
    [own],
  );
  requireNeighbour(`The API (version ${version})`, own, rows[0]?.protocol ?? own);
}

/** @throws ProtocolMismatch where the two are neither the same nor neighbours */
export function requireNeighbour(name: string, own: number, database: number): void {
  if (Math.abs(own - database) <= 1) return;
  const what = own < database ? 'Upgrade it' : 'Upgrade the API';
  throw new ProtocolMismatch(
    `${name} speaks protocol ${own}, and this database is at protocol ${database}: only neighbouring versions work ` +
      `together. ${what} first, one version at a time (docs/upgrading.md).`,
  );
}
