import { type Wave, waves } from '@tessera/spec';
import { testPostgres } from '@tessera/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  acceptFinish,
  acceptTask,
  advanceKernels,
  type ClaimedTask,
  cancelExperiment,
  claimTask,
  countOutstanding,
  type Database,
  doneTasks,
  failTask,
  findExperiment,
  inTransaction,
  isForOthers,
  longQueued,
  maxAttempts,
  migrate,
  openDatabase,
  rejectPiece,
  releaseTask,
  retryExperiment,
  settleCancelled,
  settleFinished,
  startExperiment,
  startKernels,
  takeReady,
  unqueue,
} from '../src/index.js';
import {
  claimWave,
  countersAndRecounts,
  finishWave,
  outcome,
  runningExperiment,
  sizes,
  whoDoes,
} from './small-experiment.js';

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  const postgres = await testPostgres();
  drop = postgres.drop;
  await migrate(postgres.url);
  db = openDatabase(postgres.url, { connections: 12 });
});
afterAll(async () => {
  await db?.close();
  await drop?.();
});

let counter = 0;
let id: string;
beforeEach(async () => {
  id = `race${++counter}`;
  await runningExperiment(db, id);
});

/** Finds the first done task of a wave damaged. */
async function damage(wave: 'train' | 'analysis' | 'strip' | 'training', kernelIndex = 0): Promise<boolean> {
  const [task] = await doneTasks(db, id, kernelIndex, wave);
  return task ? rejectPiece(db, { experimentId: id, kernelIndex, wave, ...task }, 'checksum') : false;
}

async function expectCountersRight(): Promise<void> {
  const [counters, recounts] = await countersAndRecounts(db, id);
  expect(counters).toEqual(recounts);
}

describe('a kernel that is sent back while its later work runs', () => {
  it('counts what is accepted meanwhile for its own wave only', async () => {
    await finishWave(db, id, 'train');
    const [first, second] = await claimWave(db, id, 'analysis');
    if (!first || !second) throw new Error('no analyses');
    expect(await damage('train')).toBe(true);
    expect(await acceptTask(db, first, whoDoes('analysis'), outcome)).toBe(true);
    expect(await advanceKernels(db, id, sizes)).toBe(0); // one tile is still missing
    await expectCountersRight();
    await finishWave(db, id, 'train');
    await expectCountersRight();
    expect(await acceptTask(db, second, whoDoes('analysis'), outcome)).toBe(true);
    await advanceKernels(db, id, sizes);
    expect(await claimWave(db, id, 'strip')).toHaveLength(1);
  });

  it('does not finish: the finish waits until the kernel is in its last wave again', async () => {
    await finishWave(db, id, 'train');
    await finishWave(db, id, 'analysis');
    await finishWave(db, id, 'strip');
    await finishWave(db, id, 'training');
    const [finish] = await claimWave(db, id, 'finish');
    if (!finish) throw new Error('no finish');
    expect(await damage('analysis')).toBe(true);
    expect(await acceptFinish(db, finish, whoDoes('finish'), outcome, {})).toBe(false);
    await releaseTask(db, finish, whoDoes('finish'));
    await expectCountersRight();
    await finishWave(db, id, 'analysis');
    const [again] = await claimWave(db, id, 'finish');
    expect(again && (await acceptFinish(db, again, whoDoes('finish'), outcome, {}))).toBe(true);
    await expectCountersRight();
  });

  it('fails when the same piece is damaged again and again, and can be retried', async () => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      await finishWave(db, id, 'train');
      expect(await damage('train')).toBe(true);
    }
    const failed = await findExperiment(db, id);
    expect(failed?.progress.tiles).toMatchObject({ done: 2, failed: 1 });
    expect(failed?.error).toBe('corrupt-chunk: Tile 0 of kernel 0 failed: checksum');
    expect(await takeReady(db, id, ['train'], 10)).toEqual([]);
    await cancelExperiment(db, id);
    await settleCancelled(db, id);
    await retryExperiment(db, id);
    await startExperiment(db, id);
    expect(await takeReady(db, id, ['train'], 10)).toHaveLength(1);
  });
});

describe('an acceptance that waits for the row of its experiment', () => {
  /** Starts an acceptance, changes rows while it waits, and gives what came of it. */
  async function acceptWhile(
    task: ClaimedTask,
    wave: Wave,
    change: (client: pg.PoolClient) => Promise<void>,
  ) {
    let accepting: Promise<boolean> | null = null;
    await inTransaction(db, async (client) => {
      await client.query('SELECT 1 FROM experiments WHERE id = $1 FOR NO KEY UPDATE', [id]);
      accepting = acceptTask(db, task, whoDoes(wave), outcome);
      await vi.waitFor(async () => {
        const { rowCount } = await db.pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH running AS%'`,
        );
        expect(rowCount).toBe(1);
      });
      await change(client);
    });
    return accepting;
  }

  it('is counted for the wave that its kernel came to meanwhile', async () => {
    await finishWave(db, id, 'train');
    const [analysis] = await claimWave(db, id, 'analysis');
    if (!analysis) throw new Error('no analysis');
    expect(await damage('train')).toBe(true);
    const accepted = await acceptWhile(analysis, 'analysis', async (client) => {
      // What advanceKernels does, which counts the done ones of the wave: this one is not yet.
      await client.query(
        `UPDATE kernels SET wave = 'analysis', wave_total = 2, wave_done = 0 WHERE experiment_id = $1`,
        [id],
      );
    });
    expect(accepted).toBe(true);
    await expectCountersRight();
  });

  it('is refused when the lease ended, the experiment was cancelled, or pinned to another fingerprint', async () => {
    for (const change of [
      `UPDATE tasks SET state = 'pending', generation = generation + 1, queued_at = NULL, leased_until = NULL WHERE experiment_id = $1 AND state = 'leased'`,
      `UPDATE experiments SET state = 'cancelling' WHERE id = $1`,
      `UPDATE experiments SET worker_fingerprint = 'other' WHERE id = $1`,
    ]) {
      id = `race${++counter}`;
      await runningExperiment(db, id);
      const [task] = await claimWave(db, id, 'train');
      if (!task) throw new Error('no task');
      const accepted = await acceptWhile(
        task,
        'train',
        async (client) => void (await client.query(change, [id])),
      );
      expect(accepted, change).toBe(false);
      await expectCountersRight();
      expect((await findExperiment(db, id))?.progress.tiles.done).toBe(0);
    }
  });
});

it('keeps its counters right and gets to its end whatever happens at once', async () => {
  id = `fuzz${counter}`;
  await runningExperiment(db, id, 2);
  const unexpected: unknown[] = [];
  let isOver = false;
  const chance = seeded(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(chance() * items.length)] as T;

  const actor = async (act: () => Promise<unknown>) => {
    while (!isOver) {
      await act().catch((error: unknown) => unexpected.push(error));
      await new Promise((resolve) => setTimeout(resolve, chance() * 3));
    }
  };
  let faults = 40;
  const work = async () => {
    const wave = pick(waves);
    const who = whoDoes(wave);
    for (const job of await takeReady(db, id, [wave], 1)) {
      const task = await claimTask(db, job, who, 60_000);
      if (!task) continue;
      await new Promise((resolve) => setTimeout(resolve, chance() * 5));
      if (faults > 0 && chance() < 0.1) await releaseTask(db, task, who);
      else {
        const accept = wave === 'finish' ? acceptFinish : acceptTask;
        if (!(await accept(db, task, who, outcome, {}))) await releaseTask(db, task, who);
      }
    }
    // Deliveries that were dropped because their kernel was sent back.
    await unqueue(db, await longQueued(db, waves, 50, 100));
  };
  const actors = [
    actor(work),
    actor(work),
    actor(work),
    actor(work),
    actor(() => advanceKernels(db, id, sizes)),
    actor(() => advanceKernels(db, id, sizes)),
    actor(async () => {
      const wave = pick(['train', 'analysis', 'strip', 'training'] as const);
      if (faults > 0 && (await damage(wave, pick([0, 1])))) faults--;
      // Damage by chance, not by a disk that spoils everything: no task uses up its attempts.
      await db.pool.query(
        `UPDATE tasks SET attempts = 0 WHERE id IN (
           SELECT id FROM tasks WHERE experiment_id = $1 AND attempts > 0 FOR UPDATE SKIP LOCKED)`,
        [id],
      );
    }),
  ];
  const deadline = performance.now() + 90_000;
  let state: string | undefined;
  while (performance.now() < deadline && state !== 'completed') {
    if (await settleFinished(db, id, 'completed')) state = 'completed';
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  isOver = true;
  await Promise.all(actors);
  expect(unexpected).toEqual([]);
  expect(state).toBe('completed');
  await expectCountersRight();
  expect((await findExperiment(db, id))?.progress).toMatchObject({
    tiles: { done: 6, failed: 0, running: 0 },
    analyses: { done: 8, failed: 0, running: 0 },
    strips: { done: 2, failed: 0, running: 0 },
    trainings: { done: 4, failed: 0, running: 0 },
  });
}, 120_000);

describe('the window', () => {
  it('leaves no room to what is queued for nobody', async () => {
    const before = (await countOutstanding(db)).get('train') ?? 0;
    expect(await takeReady(db, id, ['train'], 10)).toHaveLength(3);
    expect((await countOutstanding(db)).get('train') ?? 0).toBe(before + 3);
    await cancelExperiment(db, id);
    expect((await countOutstanding(db)).get('train') ?? 0).toBe(before);
  });

  it('leaves the small tiles for the end of their kernel', async () => {
    await startKernels(db, id, 1, 3);
    const inOrder = async (limit: number) => {
      const places = [];
      for (const job of await takeReady(db, id, ['train'], limit, [0, 2])) {
        const task = await claimTask(db, job, whoDoes('train'), 60_000);
        places.push([task?.kernelIndex, task?.index]);
      }
      return places;
    };
    expect(await inOrder(2)).toEqual([
      [0, 1],
      [0, 0],
    ]);
    expect(await inOrder(10)).toEqual([
      [0, 2],
      [1, 1],
      [1, 0],
      [1, 2],
    ]);
  });

  it('tells a delivery that another fingerprint must have from one that came late', async () => {
    const [first, second] = await takeReady(db, id, ['train'], 2);
    if (!first || !second) throw new Error('no jobs');
    const other = { id: 'w2', role: 'worker', fingerprint: 'other' } as const;
    expect(await isForOthers(db, second, other)).toBe(false);
    const task = await claimTask(db, first, whoDoes('train'), 60_000);
    if (task) await acceptTask(db, task, whoDoes('train'), outcome);
    expect(await isForOthers(db, second, other)).toBe(true);
    expect(await isForOthers(db, second, whoDoes('train'))).toBe(false);
    expect(await isForOthers(db, first, other)).toBe(false);
  });
});

it('survives a connection that dies in the middle of a transaction', async () => {
  const [task] = await claimWave(db, id, 'train');
  if (!task) throw new Error('no task');
  await expect(
    inTransaction(db, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await client.query('UPDATE experiments SET revision = revision + 1 WHERE id = $1', [id]);
      await db.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await client.query('SELECT 1');
    }),
  ).rejects.toThrow();
  await failTask(db, task, whoDoes('train'), { code: 'internal', message: 'once' });
  await expectCountersRight();
});

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
