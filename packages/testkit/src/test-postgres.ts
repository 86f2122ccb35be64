import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { testService } from './test-services.js';

export interface TestDatabase {
  url: string;
  /** Drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** A prepared database that others are cloned from: 30 ms a clone, where migrations take more. */
export interface Template {
  name: string;
  /** Fills the template's database, once in a test run. */
  prepare: (url: string) => Promise<unknown>;
}

/** A database of its own on the test run's Postgres, empty or cloned from a template. */
export async function testPostgres(template?: Template): Promise<TestDatabase> {
  const serverUrl = await testService('postgres');
  const source = template ? await preparedTemplate(serverUrl, template) : 'template1';
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(serverUrl, (client) => client.query(`CREATE DATABASE "${name}" TEMPLATE "${source}"`));
  return {
    url: withDatabase(serverUrl, name),
    drop: () =>
      onServer(serverUrl, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)),
  };
}

/** Any fixed number; the lock lets one test file prepare and the others wait. */
const templateLock = 7_305_442_900;

async function preparedTemplate(serverUrl: string, { name, prepare }: Template): Promise<string> {
  // A lasting server must not give an older checkout's template: the run is told by its parent process.
  const run = createHash('sha256').update(`${process.ppid}`).digest('hex').slice(0, 8);
  const database = `template_${name}_${run}`;
  await onServer(serverUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [templateLock]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount) return;
    const making = `${database}_making`;
    await client.query(`DROP DATABASE IF EXISTS "${making}" WITH (FORCE)`);
    await client.query(`CREATE DATABASE "${making}"`);
    await prepare(withDatabase(serverUrl, making));
    await client.query(`ALTER DATABASE "${making}" RENAME TO "${database}"`);
  });
  return database;
}

async function onServer(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
