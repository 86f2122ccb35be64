import { startExperiment, startKernels, takeReady } from '@tessera/database';
import type { JobQueue, TaskJob } from '@tessera/queue';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Reconciler } from '../src/reconcile.js';
import { Stage } from './stage.js';

const silent = { info() {}, warn() {}, error() {} };

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open('postgres');
});
afterEach(() => stage?.close());

async function generations(): Promise<number[]> {
  const { rows } = await stage.db.pool.query('SELECT generation FROM tasks ORDER BY id');
  return rows.map(({ generation }) => generation);
}

it('takes a delivery that is in hand and unclaimed twice in a row for lost, and one that waits for none', async () => {
  const id = await stage.create({ kernels: 1, tiles: 2 });
  await startExperiment(stage.db, id);
  await startKernels(stage.db, id, 1, 2);
  const [held, waiting] = (await takeReady(stage.db, id, ['train'], 2)) as [TaskJob, TaskJob];
  const queue = {
    locate: async (_: string, jobs: readonly TaskJob[]) => ({
      lost: [],
      inHand: jobs.filter(({ task }) => task === held.task),
    }),
  } as unknown as JobQueue;
  const reconciler = new Reconciler({ db: stage.db, queue, log: silent }, -1000);
  expect(await reconciler.reconcile()).toEqual({ expired: 0, lost: 0 });
  expect(await reconciler.reconcile()).toEqual({ expired: 0, lost: 1 });
  expect(await generations()).toEqual([held.generation + 1, waiting.generation]);
});
