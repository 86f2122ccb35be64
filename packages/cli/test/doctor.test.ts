import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announceWorker, migrate, openDatabase, raiseProtocol } from '@tessera/database';
import { testPostgres } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { stubApi } from './stub-api.js';

const command = new URL('../bin/tessera.js', import.meta.url).pathname;
vi.setConfig({ testTimeout: 240_000 });

let folder: string;
const drops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-doctor-'));
});
afterAll(async () => {
  for (const drop of drops) await drop();
  await rm(folder, { recursive: true, force: true });
});

interface Report {
  ok: boolean;
  checks: { name: string; state: string; found: string; fix: string | null }[];
}

/** Runs the command as a user does; gives its exit code and its report, checks by name. */
async function doctor(env: Record<string, string> = {}) {
  const settings = {
    PATH: process.env.PATH,
    TESSERA_DATA_DIR: folder,
    TESSERA_URL: 'http://127.0.0.1:9',
    ...env,
  };
  const [code, output] = await new Promise<[number, string]>((resolve) => {
    execFile(process.execPath, [command, 'doctor', '--json'], { env: settings }, (error, stdout) =>
      resolve([error === null ? 0 : Number(error.code), stdout]),
    );
  });
  const { ok, checks } = JSON.parse(output) as Report;
  return { code, ok, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

async function database(prepare: (url: string) => Promise<unknown>): Promise<string> {
  const { url, drop } = await testPostgres();
  drops.push(drop);
  await prepare(url);
  return url;
}

it('is content on a machine where nothing is up, and computes a golden there', async () => {
  const { code, ok, checks } = await doctor();
  expect([code, ok]).toEqual([0, true]);
  for (const name of ['api', 'database', 'queue'])
    expect(checks[name]).toMatchObject({ state: 'absent', fix: null });
  for (const name of ['node', 'store', 'disk', 'engine', 'linalg'])
    expect(checks[name]?.state, name).toBe('fine');
  expect(checks.engine?.found).toMatch(/golden tile agrees/);
});

it('looks at the database, its migrations and workers, and at an API that runs', async () => {
  const url = await database(migrate);
  const api = await stubApi({
    'GET /healthz': { status: 'ok', version: '0.1.0' },
    'GET /readyz': { status: 'ok' },
  });
  const { code, checks } = await doctor({ TESSERA_DATABASE_URL: url, TESSERA_URL: api.url });
  await api.close();
  expect(code).toBe(0);
  expect(checks.api).toMatchObject({ state: 'fine', found: expect.stringContaining('version 0.1.0') });
  expect(checks.database?.found).toMatch(/Postgres \d+.*no migration pending, protocol 1, clocks within/);
  expect(checks.queue).toMatchObject({ state: 'fine' });
});

it('says what is wrong and how to fix it, each thing by itself', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  const { code, checks } = await doctor({
    TESSERA_DATABASE_URL: 'postgres://127.0.0.1:9/none',
    TESSERA_REDIS_URL: 'redis://127.0.0.1:9',
    TESSERA_DATA_DIR: file,
    TESSERA_MIN_FREE_BYTES: String(2 ** 50),
  });
  expect(code).toBe(1);
  for (const name of ['database', 'queue', 'store', 'disk']) {
    expect(checks[name]?.state, name).toBe('wrong');
    expect(checks[name]?.fix, name).toMatch(/\S/);
  }
  expect(checks.engine?.state).toBe('fine');
});

it('tells a database that lacks migrations, and one of another protocol', async () => {
  const bare = await doctor({ TESSERA_DATABASE_URL: await database(async () => {}) });
  expect(bare.checks.database).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('0001_first_schema'),
  });
  expect(bare.checks.database?.fix).toMatch(/migrate-main/);
  const url = await database(async (fresh) => {
    await migrate(fresh);
    const db = openDatabase(fresh, { connections: 1 });
    const worker = {
      role: 'worker',
      engine: 'e',
      device: 'd',
      fingerprint: 'f',
      version: '1',
      slots: 1,
    } as const;
    await announceWorker(db, { ...worker, id: 'w1' });
    await raiseProtocol(db, 2, '2');
    await db.pool.query('UPDATE instance SET protocol = 3');
    await db.close();
  });
  const skewed = await doctor({ TESSERA_DATABASE_URL: url });
  expect(skewed.code).toBe(1);
  expect(skewed.checks.database).toMatchObject({ state: 'wrong', fix: expect.stringContaining('upgrading') });
});
