import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from './generated/client.js';

/**
 * One process's door to Postgres. Prisma and the hot statements share one pool: Prisma where rows are
 * read and written as they are, plain SQL where a statement must be fenced or set-based (a fenced update
 * that matches nothing costs 0.21 ms by pg, 0.69 ms by Prisma; platform measurements in
 * docs/decisions/0003).
 */
export interface Database {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a pool of at most `connections` connections; nothing is connected until the first statement.
 * @param options.statementMs a statement that is not answered in this time has failed, and its connection is given up: a
 *   Postgres that was cut off without a word never answers
 */
export function openDatabase(
  url: string,
  options: { connections?: number; statementMs?: number; onError?: (error: Error) => void } = {},
): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 8,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    query_timeout: options.statementMs ?? 60_000,
    keepAlive: true,
    application_name: 'tessera',
  });
  // A connection that dies while idle must not take the process with it: the next statement reconnects.
  pool.on('error', (error) => options.onError?.(error));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
  return {
    pool,
    prisma,
    async ping() {
      await pool.query('SELECT 1');
    },
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/**
 * Spread into a statement that must not wait for an answer that never comes (Postgres cut off without a word): the next
 * heartbeat takes another connection. pg knows the option of a single statement, its types do not.
 */
export const hurried = { query_timeout: 10_000 };

/** Spread into a statement that may take long: one that waits for a lock, or changes a million rows. */
export const patient = { query_timeout: 600_000 };

/** Runs `work` in one transaction on one connection; any throw rolls it back. */
export async function inTransaction<T>(
  db: Database,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await db.pool.connect();
  let broken: Error | undefined;
  // A checked-out connection that dies tells its running statement, and raises an event that would end the process.
  const onLost = (error: Error) => {
    broken = error;
  };
  client.on('error', onLost);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onLost);
    client.release(broken);
  }
}

/** The random name this database got when it was made: what keeps its queues apart in a shared Redis. */
export async function instanceId(db: Database): Promise<string> {
  const { id } = await db.prisma.instance.findFirstOrThrow();
  return id;
}
