import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announceWorker, migrate, openDatabase, raiseProtocol } from '@tessera/database';
import { canStartRedis, startRedisNode, testPostgres } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { sendJson, stubApi } from './stub-api.js';

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
async function doctor(env: Record<string, string> = {}, nodeArgs: string[] = []) {
  const settings = {
    PATH: process.env.PATH,
    TESSERA_DATA_DIR: folder,
    TESSERA_URL: 'http://127.0.0.1:9',
    ...env,
  };
  const [code, output] = await new Promise<[number, string]>((resolve) => {
    const args = [...nodeArgs, command, 'doctor', '--json'];
    execFile(process.execPath, args, { env: settings }, (error, stdout) =>
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
  const fixes = { database: /TESSERA_DATABASE_URL/, queue: /TESSERA_REDIS_URL/, store: /TESSERA_STORE/ };
  for (const [name, fix] of Object.entries(fixes)) {
    expect(checks[name]?.state, name).toBe('wrong');
    expect(checks[name]?.fix, name).toMatch(fix);
  }
  expect(checks.disk).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('new work waits below'),
    fix: expect.stringContaining('tessera gc'),
  });
  expect(checks.engine?.state).toBe('fine');
});

it('tells an API that is not ready, one of another version, and what is no API', async () => {
  const missing = { code: 'unavailable', status: 503, detail: 'The store does not answer.' };
  const answers = {
    'GET /healthz': { status: 'ok', version: '9.9.9' },
    'GET /readyz': (_: unknown, response: Parameters<typeof sendJson>[0]) => sendJson(response, missing, 503),
  };
  const [waiting, other, stranger] = await Promise.all([
    stubApi(answers),
    stubApi({ ...answers, 'GET /readyz': { status: 'ok' } }),
    stubApi({}),
  ]);
  const reports = await Promise.all(
    [waiting, other, stranger].map(({ url }) => doctor({ TESSERA_URL: url })),
  );
  for (const { close } of [waiting, other, stranger]) await close();
  expect(reports.map(({ code }) => code)).toEqual([1, 0, 1]);
  expect(reports.map(({ checks }) => checks.api)).toMatchObject([
    {
      state: 'wrong',
      found: expect.stringContaining('store does not answer'),
      fix: expect.stringContaining('/readyz'),
    },
    {
      state: 'fine',
      found: expect.stringMatching(/version 9\.9\.9, and this command is of version 0\.1\.0/),
    },
    {
      state: 'wrong',
      found: expect.stringContaining('is no Tessera'),
      fix: expect.stringContaining('TESSERA_URL'),
    },
  ]);
});

it('tells a clock that is wrong', async () => {
  const hook = join(folder, 'late.mjs');
  await writeFile(hook, 'const now = Date.now; Date.now = () => now() - 60_000;');
  const { code, checks } = await doctor({ TESSERA_DATABASE_URL: await database(migrate) }, [
    '--import',
    hook,
  ]);
  expect(code).toBe(1);
  expect(checks.database).toMatchObject({
    state: 'wrong',
    found: expect.stringMatching(/clock and the database's differ by (59|60)\d{3} ms/),
    fix: expect.stringContaining('NTP'),
  });
});

it.runIf(canStartRedis())('tells a Redis that may forget what waits', async () => {
  const [forgetful, faithful] = await Promise.all([
    startRedisNode(['maxmemory 64mb', 'maxmemory-policy allkeys-lru']),
    startRedisNode(['maxmemory 64mb', 'maxmemory-policy noeviction']),
  ]);
  const ask = ({ port }: { port: number }) => doctor({ TESSERA_REDIS_URL: `redis://127.0.0.1:${port}` });
  const [wrong, well] = await Promise.all([ask(forgetful), ask(faithful)]);
  for (const { stop } of [forgetful, faithful]) await stop();
  expect(wrong.checks.queue).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('maxmemory-policy allkeys-lru'),
    fix: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
  });
  expect(well.checks.queue).toMatchObject({ state: 'fine', fix: null });
});

it('tells a database that lacks migrations, and one or a worker of another protocol', async () => {
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
  expect(skewed.checks.database).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('this command speaks protocol 1, the database is at 3'),
    fix: expect.stringContaining('upgrading'),
  });
  const db = openDatabase(url, { connections: 1 });
  await db.pool.query('UPDATE instance SET protocol = 1');
  await db.pool.query('UPDATE workers SET protocol = 4, heartbeat_at = now()');
  await db.close();
  expect((await doctor({ TESSERA_DATABASE_URL: url })).checks.database).toMatchObject({
    state: 'wrong',
    found: expect.stringContaining('w1 speaks protocol 4, the database is at 1'),
  });
});
