import { readFile } from 'node:fs/promises';
import { testPostgres } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Prisma } from '../src/generated/client.js';
import { type Database, migrate, openDatabase } from '../src/index.js';

let db: Database;
let url: string;
let drop: () => Promise<void>;
beforeAll(async () => {
  ({ url, drop } = await testPostgres());
  await migrate(url);
  db = openDatabase(url);
});
afterAll(async () => {
  await db?.close();
  await drop?.();
});

const models = [
  ['experiments', 'experiment', Prisma.ExperimentScalarFieldEnum],
  ['kernels', 'kernel', Prisma.KernelScalarFieldEnum],
  ['tasks', 'task', Prisma.TaskScalarFieldEnum],
  ['analyses', 'analysis', Prisma.AnalysisScalarFieldEnum],
  ['trainings', 'training', Prisma.TrainingScalarFieldEnum],
  ['datasets', 'dataset', Prisma.DatasetScalarFieldEnum],
  ['workers', 'worker', Prisma.WorkerScalarFieldEnum],
  ['idempotency_keys', 'idempotencyKey', Prisma.IdempotencyKeyScalarFieldEnum],
  ['projects', 'project', Prisma.ProjectScalarFieldEnum],
  ['api_keys', 'apiKey', Prisma.ApiKeyScalarFieldEnum],
  ['sessions', 'session', Prisma.SessionScalarFieldEnum],
  ['experiment_events', 'experimentEvent', Prisma.ExperimentEventScalarFieldEnum],
  ['progress_samples', 'progressSample', Prisma.ProgressSampleScalarFieldEnum],
  ['instance', 'instance', Prisma.InstanceScalarFieldEnum],
] as const;

it.each(models)(
  'the migrations give %s the columns that schema.prisma names',
  async (table, model, fields) => {
    // Selects every column the schema names; a missing one throws.
    await (db.prisma[model] as { findFirst(): Promise<unknown> }).findFirst();
    const { rows } = await db.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`,
      [table],
    );
    expect(rows[0]?.n).toBe(Object.keys(fields).length);
  },
);

it('applies each migration once, also when several processes start together', async () => {
  const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(applied.flat()).toEqual([]);
});

it('gives plans of before the estimates they lack', async () => {
  const insert = (id: string, plan: object) =>
    db.pool.query(
      `INSERT INTO experiments (id, name, state, spec, plan, provenance, dataset_sha256, numerics,
         tiles_total, analyses_total, strips_total) VALUES ($1, 'n', 'running', '{}', $2, '{}', 'x', 'any', 1, 1, 1)`,
      [id, plan],
    );
  const estimated = { coreSeconds: 3, seconds: 1, workSeconds: { tiles: 3 }, bytes: {} };
  await insert('before', { kernels: 2, coreSeconds: 6, bytes: { kept: 5 } });
  await insert('since', estimated);
  const migration = new URL('../../../prisma/migrations/0003_plan_estimates/migration.sql', import.meta.url);
  await db.pool.query(await readFile(migration, 'utf8'));
  const { rows } = await db.pool.query('SELECT plan FROM experiments ORDER BY id');
  expect(rows.map(({ plan }) => plan)).toEqual([
    {
      kernels: 2,
      coreSeconds: 6,
      seconds: 6,
      analysisMode: 'dense',
      bytes: { kept: 5, analysis: 0 },
      workSeconds: { tiles: 2, analyses: 2, strips: 2, finishes: 0 },
    },
    estimated,
  ]);
});
