import { setTimeout as sleep } from 'node:timers/promises';
import type { ExperimentSpec } from '@tessera/spec';
import { testPostgres } from '@tessera/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import {
  acceptTask,
  announceWorker,
  claimTask,
  createExperiment,
  type Database,
  databaseProtocol,
  findExperiment,
  livingWorkers,
  migrate,
  migrationNames,
  nameDataset,
  openDatabase,
  ProtocolMismatch,
  raiseProtocol,
  releaseTask,
  startExperiment,
  startKernels,
  takeReady,
} from '../src/index.js';
import { fillFirstSchema, firstMigration, workAsFirstRelease } from './first-release.js';
import { outcome } from './small-experiment.js';

const open: { db: Database; drop: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const { db, drop } of open.splice(0)) {
    await db.close();
    await drop();
  }
});

/** A database with the migrations up to `last`. */
async function databaseAt(last: string | null) {
  const { url, drop } = await testPostgres();
  await migrate(url, last);
  const db = openDatabase(url, { connections: 4 });
  open.push({ db, drop });
  return { db, url };
}

describe('migrating from the first released schema', () => {
  it('keeps every row, and workers of that release claim and have accepted meanwhile and afterwards', async () => {
    const tiles = 150;
    const { db, url } = await databaseAt(firstMigration);
    await fillFirstSchema(db.pool, tiles);
    const { rows: tasks } = await db.pool.query<{ id: string }>('SELECT id FROM tasks ORDER BY id');
    let done = 0;
    let isMigrated = false;
    const working = (async () => {
      const client = await db.pool.connect();
      try {
        // Some are left for afterwards.
        for (const { id } of tasks) {
          if (isMigrated && done > tiles / 2) break;
          expect(await workAsFirstRelease(client, BigInt(id))).toBe(true);
          done += 1;
          if (!isMigrated) await sleep(1);
        }
      } finally {
        client.release();
      }
    })();
    for (const name of (await migrationNames()).slice(1)) {
      const before = done;
      while (done < before + 5 && done < tiles) await sleep(1);
      expect(await migrate(url, name)).toEqual([name]);
    }
    isMigrated = true;
    await working;
    expect(await migrate(url)).toEqual([]);
    const experiment = await findExperiment(db, 'old');
    expect(experiment).toMatchObject({ name: 'old', state: 'running', workerFingerprint: 'f1' });
    expect(experiment?.progress.tiles).toMatchObject({ done, failed: 0 });
    const { rows } = await db.pool.query(
      `SELECT (SELECT count(*)::int FROM tasks WHERE state = 'done') AS tasks, (SELECT wave_done FROM kernels) AS kernel,
              (SELECT kappa FROM analyses) AS kappa, (SELECT sha256 FROM datasets) AS dataset,
              (SELECT experiment_id FROM idempotency_keys) AS key`,
    );
    expect(rows).toEqual([{ tasks: done, kernel: done, kappa: 2.5, dataset: 'abc', key: 'old' }]);
    expect(await livingWorkers(db, 60_000)).toMatchObject([{ id: 'old-worker', protocol: 1 }]);
  });

  it('waits a moment only for a table that is locked, so that others get their turn, and tries again', async () => {
    const { db, url } = await databaseAt(firstMigration);
    const holder = await db.pool.connect();
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE workers IN ACCESS SHARE MODE');
    const migrating = migrate(url);
    await sleep(2500);
    // Behind a migration that waits for ever this would wait as long.
    await db.pool.query('SELECT count(*) FROM workers');
    await holder.query('COMMIT');
    holder.release();
    expect(await migrating).toEqual((await migrationNames()).slice(1));
  });
});

describe('the protocol', () => {
  const worker = (protocol: number) => ({
    id: `w${protocol}`,
    role: 'worker' as const,
    engine: 'native',
    device: 'cpu',
    fingerprint: 'f',
    version: '9.9.9',
    slots: 1,
    protocol,
  });

  it('lets neighbours in and refuses others by name, on both sides', async () => {
    const { db } = await databaseAt(null);
    await raiseProtocol(db, 5, '5.0.0');
    for (const protocol of [4, 5, 6]) await announceWorker(db, worker(protocol));
    await expect(announceWorker(db, worker(3))).rejects.toThrow(
      /^The worker w3 \(version 9\.9\.9\) speaks protocol 3.*protocol 5.*Upgrade it first/,
    );
    await expect(announceWorker(db, worker(7))).rejects.toThrow(/w7.*Upgrade the API first/);
    expect((await livingWorkers(db, 60_000)).map(({ id }) => id)).toEqual(['w4', 'w5', 'w6']);
    // A rollback by one leaves the database where it is; by two is refused.
    await raiseProtocol(db, 4, '4.0.0');
    expect(await databaseProtocol(db)).toBe(5);
    await expect(raiseProtocol(db, 3, '3.0.0')).rejects.toThrow(ProtocolMismatch);
  });
});

describe('an upgrade that changes the numbers', () => {
  it('mixes no bits in one experiment: what is pinned to a fingerprint goes to no other', async () => {
    const { db } = await databaseAt(null);
    await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
    const spec = {
      name: 'pinned',
      dataset: { id: 'images' },
      numerics: 'pinned',
      priority: 5,
    } as ExperimentSpec;
    const plan = { kernels: 1, totals: { tiles: 3, analyses: 1, strips: 0 } };
    await createExperiment(db, {
      id: 'p',
      spec,
      plan,
      provenance: {},
      datasetSha256: 'abc',
      idempotency: null,
    });
    await startExperiment(db, 'p');
    await startKernels(db, 'p', 1, 3);
    const before = { id: 'before', role: 'worker', fingerprint: 'engine 1' } as const;
    const after = { id: 'after', role: 'worker', fingerprint: 'engine 2' } as const;
    const jobs = await takeReady(db, 'p', ['train'], 3);
    const [first, second, third] = jobs as [(typeof jobs)[0], (typeof jobs)[0], (typeof jobs)[0]];
    // Both hold a task when the first result comes, and pins.
    const ours = await claimTask(db, first, before, 60_000);
    const theirs = await claimTask(db, second, after, 60_000);
    if (!ours || !theirs) throw new Error('not claimed');
    expect(await acceptTask(db, ours, before, outcome)).toBe(true);
    expect(await acceptTask(db, theirs, after, outcome)).toBe(false);
    await releaseTask(db, theirs, after);
    expect(await claimTask(db, third, after, 60_000)).toBeNull();
    expect(await claimTask(db, third, before, 60_000)).not.toBeNull();
    const { rows } = await db.pool.query(`SELECT DISTINCT fingerprint FROM tasks WHERE state = 'done'`);
    expect(rows).toEqual([{ fingerprint: 'engine 1' }]);
  });
});
