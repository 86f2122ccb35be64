/** Postgres that takes no connection without TLS, with a certificate that only our own authority vouches for. */
import { execFile } from 'node:child_process';
import { chown, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import { openDatabase } from '@tessera/database';
import { type DataFolder, type EmbeddedPostgres, holdDataFolder, startPostgres } from '@tessera/embedded';
import { findOnPath, makeTestAuthority, type TestAuthority } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openProcesses, type Processes } from './processes.js';

vi.setConfig({ testTimeout: 120_000 });

const isReady = findOnPath('openssl') !== null;
if (!isReady && process.env.CI === 'true') throw new Error('openssl is not on PATH.');

describe.runIf(isReady)('Postgres over TLS (needs openssl)', () => {
  let files: string;
  let folder: DataFolder;
  let postgres: EmbeddedPostgres;
  let processes: Processes | null = null;
  let authority: TestAuthority;
  let another: TestAuthority;

  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'tessera-postgres-tls-'));
    [authority, another] = [makeTestAuthority(), makeTestAuthority()];
    folder = await holdDataFolder(await mkdtemp(join(tmpdir(), 'tessera-postgres-tls-data-')));
    postgres = await startPostgres({ folder, log: () => {} });
    const db = openDatabase(postgres.url, { connections: 1 });
    const { rows } = await db.pool.query<{ place: string }>(
      `SELECT current_setting('data_directory') AS place`,
    );
    const { place } = rows[0] as { place: string };
    // Postgres takes a key of its own user only.
    const { uid, gid } = await stat(place);
    for (const [from, to] of [
      [authority.files.certificate, 'server.crt'],
      [authority.files.key, 'server.key'],
    ] as const) {
      await copyFile(from, join(place, to));
      await chown(join(place, to), uid, gid);
    }
    await writeFile(join(place, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
    await db.pool.query('ALTER SYSTEM SET ssl = on');
    await db.pool.query('SELECT pg_reload_conf()');
    await db.close();
  });
  afterAll(async () => {
    await processes?.close();
    await postgres?.stop();
    await folder?.release();
    for (const made of [authority, another]) made?.remove();
    for (const path of [files, folder?.path]) if (path) await rm(path, { recursive: true, force: true });
  });

  /** As an operator writes it. */
  function address(host: string, query: string): string {
    const url = new URL(postgres.url);
    url.hostname = host;
    return `${url.href}?${query}`;
  }
  const verified = (host = 'localhost', ca = authority.files.ca) =>
    address(host, `sslmode=verify-full&sslrootcert=${ca}`);

  /** Runs a program to its end, and gives what it says. */
  function says(program: string, url: string, args: string[] = [], more: object = {}): Promise<string> {
    const file = fileURLToPath(new URL(`../${program}.js`, import.meta.url));
    const env = { PATH: process.env.PATH, TESSERA_DATABASE_URL: url, TESSERA_DATA_DIR: files, ...more };
    return new Promise((resolve) =>
      execFile(process.execPath, [file, ...args], { env }, (_, stdout, stderr) => resolve(stdout + stderr)),
    );
  }

  it('is used by the migrations, the API, workers and aggregators, for all they do, and seen by the doctor', async () => {
    const url = verified();
    expect(await says('services/api/dist/migrate-main', url)).toMatch(/migrations applied/);
    processes = await openProcesses({ url, drop: async () => {} });
    const started = (['api', 'worker', 'aggregator'] as const).map((name) => processes?.start(name));
    const [api] = await Promise.all(started.map((service) => service?.ready()));
    const client = new TesseraClient(api as string);
    const { id } = await client.createExperiment({
      name: 'over TLS',
      dataset: { id: 'synthetic', train: 8, test: 2 },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [1] },
    });
    // Told by LISTEN and NOTIFY; the tiles went through BullMQ's tables.
    expect((await client.waitFor(id)).state).toBe('completed');
    const { rows } = await processes.db.pool.query<{ name: string; ssl: boolean }>(
      `SELECT DISTINCT application_name AS name, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
       WHERE datname = current_database() ORDER BY 1`,
    );
    const report = await says('packages/cli/bin/tessera', url, ['doctor'], { TESSERA_URL: api as string });
    expect(report).toMatch(
      /^ok +api +\S+ is ready[\s\S]*^ok +database +Postgres .* 2 workers and aggregators alive/m,
    );
    expect(rows.map(({ ssl }) => ssl)).not.toContain(false);
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['tessera', 'tessera listen']));
  });

  it('is not believed where its certificate is of another authority or host, and every program says why', async () => {
    const services = ['services/api/dist/main', 'services/worker/dist/main', 'services/aggregator/dist/main'];
    for (const program of ['services/api/dist/migrate-main', ...services])
      expect(await says(program, verified('localhost', another.files.ca)), program).toMatch(
        /Name the certificate of the authority .*certificate/,
      );
    const migrate = (url: string, more: object = {}) => says('services/api/dist/migrate-main', url, [], more);
    expect(await migrate(verified('127.0.0.1'))).toMatch(/Write the host name .*127\.0\.0\.1/);
    expect(await migrate(verified('localhost', join(files, 'none.pem')))).toMatch(
      /sslrootcert=FILE .*none\.pem/,
    );
    expect(await migrate(address('localhost', 'sslmode=disable'))).toMatch(
      /The server wants TLS.*no encryption/,
    );
    // As the chart does it: an authority beside the system's, and a mode that Node takes for verify-full.
    const [required, known] = ['sslmode=require', { NODE_EXTRA_CA_CERTS: authority.files.ca }];
    expect(await migrate(address('localhost', required))).toMatch(/Name the certificate of the authority/);
    for (const answer of [
      await migrate(address('localhost', required), known),
      await migrate(address('127.0.0.1', 'sslmode=no-verify')),
    ])
      expect(answer).toMatch(/up to date|migrations applied/);
  });
});
