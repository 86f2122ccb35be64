import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connectionProblem } from './connection-problem.js';

/** Held while migrating, so that several starting processes apply each migration once. */
const migrationLock = 7_305_442_001;

const migrationsFolder = new URL('../../../prisma/migrations/', import.meta.url);

const ledger = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies `prisma/migrations/*\/migration.sql` in order, each in its own transaction, under an advisory lock,
 * and records it in Prisma's own ledger, so that `prisma migrate deploy` agrees where it can run.
 * Throws when an applied migration's text has changed since. Returns the names it applied.
 * @param last the name of the last migration to apply; null (the default): all
 */
export async function migrate(url: string, last: string | null = null): Promise<string[]> {
  const client = await connect(url);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    await client.query(ledger);
    const { rows } = await client.query<{ migration_name: string; checksum: string }>(
      'SELECT migration_name, checksum FROM "_prisma_migrations" WHERE rolled_back_at IS NULL AND finished_at IS NOT NULL',
    );
    const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]));
    const fresh: string[] = [];
    for (const migration of await readMigrations()) {
      if (last !== null && migration.name > last) break;
      const known = applied.get(migration.name);
      if (known === migration.checksum) continue;
      if (known !== undefined) {
        throw new Error(
          `Migration ${migration.name} was applied with another text. Restore the file, and put changes into a new migration.`,
        );
      }
      await applyMigration(client, migration);
      fresh.push(migration.name);
    }
    return fresh;
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<pg.Client> {
  try {
    const client = new pg.Client({ connectionString: url, application_name: 'tessera migrate' });
    await client.connect();
    return client;
  } catch (error) {
    throw connectionProblem(url, error);
  }
}

/** The names of the migrations, in order. */
export async function migrationNames(): Promise<string[]> {
  return (await readMigrations()).map(({ name }) => name);
}

/** The migrations that a database lacks, in order; all of them for one that has none. Changes nothing. */
export async function pendingMigrations(url: string): Promise<string[]> {
  const client = await connect(url);
  try {
    const { rows: tables } = await client.query<{ there: boolean }>(
      `SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS there`,
    );
    const { rows } = tables[0]?.there
      ? await client.query<{ migration_name: string }>(
          'SELECT migration_name FROM "_prisma_migrations" WHERE rolled_back_at IS NULL AND finished_at IS NOT NULL',
        )
      : { rows: [] };
    const applied = new Set(rows.map((row) => row.migration_name));
    return (await migrationNames()).filter((name) => !applied.has(name));
  } finally {
    await client.end();
  }
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

async function readMigrations(): Promise<Migration[]> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(new URL(`${name}/migration.sql`, migrationsFolder), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Workers go on while a table is altered: what waits for its lock makes every later statement wait behind it. So a
 * migration waits a moment only, and tries again. Half a second: after a whole one Postgres looks for deadlocks, and where
 * a migration takes its tables in another order than an acceptance does, the worker's transaction would be what it ends.
 */
const lockTimeoutMs = 500;
const lockTries = 150;
const lockNotAvailable = '55P03';

async function applyMigration(client: pg.Client, migration: Migration): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await tryMigration(client, migration);
      return;
    } catch (error) {
      const isLocked = (error as { code?: unknown }).code === lockNotAvailable;
      if (isLocked && tries < lockTries) {
        await sleep(Math.random() * 1000);
        continue;
      }
      throw new Error(`Migration ${migration.name} failed and was rolled back.`, { cause: error });
    }
  }
}

async function tryMigration(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    await client.query(sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, applied_steps_count)
       VALUES ($1, $2, now(), $3, 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
