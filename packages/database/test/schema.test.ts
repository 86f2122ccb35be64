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
  ['datasets', 'dataset', Prisma.DatasetScalarFieldEnum],
  ['workers', 'worker', Prisma.WorkerScalarFieldEnum],
  ['idempotency_keys', 'idempotencyKey', Prisma.IdempotencyKeyScalarFieldEnum],
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
