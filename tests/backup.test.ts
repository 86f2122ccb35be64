/** The commands of docs/backup.md, word for word but for their containers: saved at work, everything lost, restored elsewhere. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import {
  findSystemPostgres,
  type SystemPostgres,
  startStack,
  startSystemPostgres,
  type TestStack,
} from '@tessera/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allArrays } from './compare.js';

const page = await readFile(new URL('../docs/backup.md', import.meta.url), 'utf8');
const [saving = [], restoring = []] = [...page.matchAll(/```\n([\s\S]*?)```/g)].map(([, block]) =>
  (block as string).trim().split('\n'),
);
const binaries = findSystemPostgres();

const spec = (name: string, kernels: number): ExperimentSpecInput => ({
  name,
  dataset: { id: 'synthetic', train: 48, test: 10 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: {
    weightVariance: Array.from({ length: kernels }, (_, index) => 1 + index / 40),
    biasVariance: [0.1],
    depth: [0, 5],
  },
  tileSize: 16,
  analysis: { regression: { diagReg: [0.01] } },
  keep: { kernels: 'all', predictions: true },
});

describe.skipIf(binaries === null)('backup and restore (needs a Postgres server with its pg_dump)', () => {
  let postgres: SystemPostgres;
  let folder: string;
  const stacks: TestStack[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-backup-'));
    postgres = await startSystemPostgres(binaries as string);
  });
  afterAll(async () => {
    for (const stack of stacks) await stack.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const asAdmin = async (statement: string) => {
    const client = new pg.Client(`postgresql://tessera@127.0.0.1:${postgres.port}/postgres`);
    await client.connect();
    await client.query(statement);
    await client.end();
  };

  /** A stack on the server's database `tessera`, its store in a folder of its own. */
  async function startOn(store: string): Promise<TesseraClient> {
    const url = `postgresql://tessera@127.0.0.1:${postgres.port}/tessera`;
    // What the dead workers held is free again once their leases have ended.
    const env = { TESSERA_DATABASE_URL: url, TESSERA_STORE: store, TESSERA_LEASE_MS: '4000' };
    const stack = await startStack({ workers: 1, env });
    stacks.push(stack);
    return new TesseraClient(stack.url);
  }

  /** A line of the page, its container left out: Postgres' programs find the server, and the folders are these. */
  function run(line: string, store: string) {
    const command = line
      .replace(/^docker compose exec -T postgres /, '')
      .replace(/^docker run .* debian:12-slim /, '')
      .replace('/backup/', `${folder}/`)
      .replace('-C /data ', `-C ${store} `);
    expect(command, 'a line that this test knows').toMatch(/^(pg_dump|pg_restore|tar) /);
    const env = {
      ...process.env,
      PATH: `${binaries}:${process.env.PATH}`,
      PGHOST: '127.0.0.1',
      PGPORT: String(postgres.port),
    };
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, env, encoding: 'utf8' });
    // tar, where a file was replaced while it read it (the page says so).
    const isReplaced = command.startsWith('tar ') && status === 1 && /file (changed|removed)/i.test(stderr);
    if (!isReplaced) expect(`${status} ${stderr}`, command).toBe('0 ');
  }

  it('brings everything back: what was done to the byte, and what was at work goes on', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    await mkdir(second);
    await asAdmin('CREATE DATABASE tessera');
    const before = await startOn(first);
    const done = await before.createExperiment(spec('done', 1));
    expect(await before.waitFor(done.id)).toMatchObject({ state: 'completed' });
    const arrays = await allArrays(before, done.id);
    const running = await before.createExperiment(spec('at work', 16));
    while ((await before.getExperiment(running.id)).progress.tiles.done < 10);
    for (const line of saving) run(line, first);
    expect(await before.getExperiment(running.id)).toMatchObject({ state: 'running' });
    const after = await before.createExperiment(spec('posted after the dump', 1));

    await stacks[0]?.kill();
    await rm(first, { recursive: true });
    await asAdmin('DROP DATABASE tessera WITH (FORCE)');
    expect(restoring.shift()).toBe('docker compose up --detach --wait postgres');
    await asAdmin('CREATE DATABASE tessera');
    expect(restoring.pop()).toBe('docker compose up --detach');
    for (const line of restoring) run(line, second);
    const restored = await startOn(second);

    const same = await allArrays(restored, done.id);
    expect([...same.keys()]).toEqual([...arrays.keys()]);
    for (const [name, bytes] of same) expect(arrays.get(name)?.equals(bytes), name).toBe(true);
    expect(await restored.waitFor(running.id)).toMatchObject({
      state: 'completed',
      error: null,
      progress: { tiles: { failed: 0 } },
    });
    await expect(restored.getExperiment(after.id)).rejects.toMatchObject({ status: 404 });
  }, 240_000);
});
