import { setTimeout as sleep } from 'node:timers/promises';
import {
  acceptTask,
  type ClaimedTask,
  cancelExperiment,
  claimTask,
  listAnalyses,
  retryExperiment,
} from '@tessera/database';
import { TesseraError, type Wave, waves } from '@tessera/spec';
import { openCable, queueBackends, testPostgres } from '@tessera/testkit';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Stage, until } from './stage.js';

const whole = {
  tiles: { total: 6, done: 6, failed: 0, running: 0 },
  analyses: { total: 6, done: 6, failed: 0, running: 0 },
  strips: { total: 4, done: 4, failed: 0, running: 0 },
  trainings: { total: 4, done: 4, failed: 0, running: 0, step: 0 },
};
const nameOf = ({ kernelIndex, wave, index }: ClaimedTask) => `${kernelIndex}/${wave}/${index}`;
/** Aborts with the signal, as an engine does at its next look. */
const slowly = (ms: number) => (_: ClaimedTask, signal: AbortSignal) => sleep(ms, undefined, { signal });

describe.each(queueBackends())('an experiment, deliveries by %s', (backend) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open(backend);
  });
  afterEach(() => stage?.close());

  it('goes through its waves in order, each task once, to completed', async () => {
    const order: string[] = [];
    await stage.dispatcher();
    await stage.runners(async (task) => void order.push(nameOf(task)));
    const id = await stage.create();
    const record = await stage.reaches(id, 'completed');
    expect(record.progress).toEqual(whole);
    expect(new Set(order).size).toBe(2 * (3 + 2 + 2 + 2 + 1));
    expect(order).toHaveLength(2 * (3 + 2 + 2 + 2 + 1));
    const waveNumbers = order
      .filter((name) => name.startsWith('0/'))
      .map((name) => waves.indexOf(name.split('/')[1] as Wave));
    expect(waveNumbers).toEqual([...waveNumbers].sort());
    expect([stage.prepared, stage.completed]).toEqual([[id], [id]]);
    const rows = await listAnalyses(stage.db, id, { after: null, limit: 100 });
    expect(rows.map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4, 5]);
    const { rows: left } = await stage.db.pool.query('SELECT 1 FROM tasks WHERE experiment_id = $1', [id]);
    expect(left).toEqual([]);
  });

  it('completes when every delivery is lost, and lost again in mid-run', async () => {
    await stage.dispatcher();
    const id = await stage.create();
    const observer = await stage.queue();
    await until(async () => (await observer.depth('tiles')).waiting === 6);
    expect(await stage.loseDeliveries()).toBeGreaterThan(0);
    let done = 0;
    await stage.runners(async () => {
      await sleep(20);
      if (++done === 4) await stage.loseDeliveries();
    });
    expect((await stage.reaches(id, 'completed')).progress).toEqual(whole);
  });

  it('computes a task once when every delivery comes twice at the same time', async () => {
    await stage.dispatcher();
    const queue = await stage.queue();
    const performed: string[] = [];
    await stage.runners(async (task) => void performed.push(nameOf(task)), {
      queue: {
        ...queue,
        consume: (name, concurrency, handle) =>
          queue.consume(
            name,
            concurrency,
            async (job) => void (await Promise.all([handle(job), handle(job)])),
          ),
      },
    });
    const id = await stage.create();
    expect((await stage.reaches(id, 'completed')).progress).toEqual(whole);
    expect(performed).toHaveLength(new Set(performed).size);
  });

  it('takes the tasks of a worker that never answers away, and refuses what it brings later', async () => {
    await stage.dispatcher();
    const dead = { id: 'dead', role: 'worker', fingerprint: 'f' } as const;
    const taken: ClaimedTask[] = [];
    const consumer = await (await stage.queue()).consume('tiles', 2, async (job) => {
      const task = await claimTask(stage.db, job, dead, 200);
      if (task) taken.push(task);
    });
    const id = await stage.create();
    await until(() => taken.length >= 6);
    await consumer.close();
    await stage.runners(async () => {});
    expect((await stage.reaches(id, 'completed')).progress).toEqual(whole);
    const outcome = { pieces: {}, bytes: 1, milliseconds: 1, engine: '', device: '', result: null };
    for (const task of taken) expect(await acceptTask(stage.db, task, dead, outcome)).toBe(false);
    expect((await stage.experiment(id)).progress).toEqual(whole);
  });

  it('stops a cancelled experiment in mid-run, accepts nothing after, and goes on from there when retried', async () => {
    await stage.dispatcher();
    const done = new Map<string, number>();
    let isSlow = true;
    let stuck = 0;
    await stage.runners(async (task, signal) => {
      if (isSlow && task.kernelIndex > 0) {
        stuck++;
        await slowly(60_000)(task, signal);
      }
      done.set(nameOf(task), (done.get(nameOf(task)) ?? 0) + 1);
    });
    const id = await stage.create({ kernels: 3 });
    await until(async () => stuck === 2 && (await stage.leased()) === 2 && done.size >= 3);
    const asked = performance.now();
    await cancelExperiment(stage.db, id);
    // Its tasks would take a minute.
    const { progress } = await stage.reaches(id, 'cancelled', 40_000);
    expect(performance.now() - asked).toBeLessThan(40_000);
    expect(await stage.leased()).toBe(0);
    await sleep(200);
    expect((await stage.experiment(id)).progress).toEqual(progress);
    // What was computed when the cancel came, and not yet accepted, is computed again.
    const { rows: accepted } = await stage.db.pool.query<{ name: string }>(
      `SELECT kernel_index || '/' || wave || '/' || index AS name FROM tasks WHERE experiment_id = $1 AND state = 'done'`,
      [id],
    );
    expect(accepted.length).toBeGreaterThan(0);
    isSlow = false;
    await retryExperiment(stage.db, id);
    const record = await stage.reaches(id, 'completed');
    expect(record.progress.tiles).toEqual({ total: 9, done: 9, failed: 0, running: 0 });
    expect(accepted.filter(({ name }) => done.get(name) !== 1)).toEqual([]);
  });

  it('gives back what is in hand when a worker stops, and loses no time over it', async () => {
    await stage.dispatcher({ timing: { intervalMs: 60_000, suspiciousMs: 60_000 } });
    const stopped = await stage.runners(slowly(60_000));
    const id = await stage.create();
    await until(async () => (await stage.leased()) === 2);
    await Promise.all(stopped.map((runner) => runner.close(100)));
    expect(await stage.leased()).toBe(0);
    await stage.runners(async () => {});
    expect((await stage.reaches(id, 'completed', 40_000)).progress).toEqual(whole);
  });
});

describe.runIf(queueBackends().includes('redis'))('while Redis is away', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open('redis');
  });
  afterEach(() => stage?.close());

  it('results are accepted, a cancelled experiment ends, workers stop; work goes on when it is back', async () => {
    const redis = await openCable(stage.queueOptions.redisUrl as string);
    onTestFinished(() => redis.close());
    stage.queueOptions.redisUrl = redis.url;
    await stage.dispatcher();
    let isSlow = true;
    const runners = await stage.runners(async () => {
      while (isSlow) await sleep(20);
    });
    const [cancelled, kept] = [await stage.create(), await stage.create()];
    await until(async () => (await stage.leased()) === 2);
    await redis.shut();
    isSlow = false;
    await until(async () => (await stage.leased()) === 0);
    await cancelExperiment(stage.db, cancelled);
    await stage.reaches(cancelled, 'cancelled');
    const asked = performance.now();
    await Promise.all(runners.map((runner) => runner.close(0)));
    expect(performance.now() - asked).toBeLessThan(15_000);
    await redis.open();
    await stage.runners(async () => {});
    expect((await stage.reaches(kept, 'completed')).progress).toEqual(whole);
  }, 180_000);
});

describe('an experiment', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open('postgres');
  });
  afterEach(() => stage?.close());

  it('without test images has no strips', async () => {
    await stage.dispatcher();
    await stage.runners(async () => {});
    const { progress } = await stage.reaches(await stage.create({ strips: 0 }), 'completed');
    expect(progress.strips).toEqual({ total: 0, done: 0, failed: 0, running: 0 });
    expect(progress.analyses.done).toBe(6);
  });

  it('with tasks that always fail, of any wave, ends failed, its other kernels done; a retry does only what is missing', async () => {
    const poison = new Set(['0/train/1', '1/analysis/0', '2/strip/1', '3/finish/0', '4/training/0']);
    let isPoisoned = true;
    const performed: string[] = [];
    await stage.dispatcher();
    await stage.runners(async (task) => {
      performed.push(nameOf(task));
      if (isPoisoned && poison.has(nameOf(task))) throw new TesseraError('engine-failed', 'poison');
    });
    const id = await stage.create({ kernels: 6 });
    const failed = await stage.reaches(id, 'failed');
    expect(failed.error).toMatch(/^engine-failed: .* [01] of kernel [0-4] failed: poison$/);
    expect(failed.progress).toMatchObject({
      tiles: { done: 17, failed: 1, running: 0 },
      analyses: { done: 13, failed: 2, running: 0 }, // the failed batch stands for two
      strips: { done: 7, failed: 1, running: 0 },
      trainings: { done: 5, failed: 1, running: 0 },
    });
    for (const name of poison) expect(performed.filter((done) => done === name)).toHaveLength(4);
    const rows = await listAnalyses(stage.db, id, { after: null, limit: 100 });
    expect(rows.map((row) => row.ordinal)).toEqual([15, 16, 17]); // kernel 5 is whole
    expect(stage.completed).toEqual([]);

    isPoisoned = false;
    const before = new Set(performed.filter((name) => !poison.has(name)));
    performed.length = 0;
    await retryExperiment(stage.db, id);
    const completed = await stage.reaches(id, 'completed');
    expect(completed.error).toBeNull();
    expect(completed.progress).toMatchObject({
      tiles: { done: 18, failed: 0 },
      analyses: { done: 18, failed: 0 },
      strips: { done: 12, failed: 0 },
      trainings: { done: 12, failed: 0 },
    });
    expect(performed.filter((name) => before.has(name))).toEqual([]);
    expect(performed).toEqual(expect.arrayContaining([...poison]));
  });

  it('is computed once although two dispatchers lead at the same time', async () => {
    // Leadership is a lock in a database: with one in another database, both lead.
    const elsewhere = await testPostgres();
    const first = await stage.dispatcher();
    const second = await stage.dispatcher({ databaseUrl: elsewhere.url });
    const performed: string[] = [];
    await stage.runners(async (task) => void performed.push(nameOf(task)));
    const ids = await Promise.all([stage.create(), stage.create(), stage.create({ kernels: 5 })]);
    await until(() => first.isLeader() && second.isLeader());
    for (const id of ids) await stage.reaches(id, 'completed');
    expect(performed).toHaveLength(9 * 10);
    await second.close();
    await elsewhere.drop();
  });

  it('goes on when its dispatcher stops in mid-run and a replica takes over, or it starts again', async () => {
    const first = await stage.dispatcher();
    await until(() => first.isLeader());
    const replica = await stage.dispatcher();
    let done = 0;
    await stage.runners(async () => {
      await sleep(10);
      done++;
    });
    const id = await stage.create({ kernels: 6 });
    await until(() => done >= 10);
    await first.close();
    await until(() => replica.isLeader());
    await until(() => done >= 20);
    await replica.close();
    expect(replica.isLeader()).toBe(false);
    await stage.dispatcher();
    expect((await stage.reaches(id, 'completed')).progress.tiles.done).toBe(18);
    expect(done).toBe(6 * 10);
  });

  it('that cannot be prepared waits without keeping others from their work; what cannot be mended is refused', async () => {
    const broken = await stage.create();
    const refused = await stage.create();
    let isBroken = true;
    await stage.dispatcher({
      hooks: {
        prepare: async ({ id }) => {
          if (id === broken && isBroken) throw new TesseraError('unavailable', 'the store is full');
          if (id === refused) throw new TesseraError('corrupt-chunk', 'the data set is damaged');
        },
        complete: async () => {},
      },
    });
    await stage.runners(async () => {});
    await stage.reaches(await stage.create(), 'completed');
    expect((await stage.experiment(broken)).state).toBe('queued');
    expect((await stage.reaches(refused, 'failed')).error).toBe('corrupt-chunk: the data set is damaged');
    isBroken = false;
    await stage.reaches(broken, 'completed');
  });

  it('keeps to its share of the temporary bytes, and still has one kernel in flight', async () => {
    // Of 2^30 bytes each may use half: two kernels of the one, and less than one of the other.
    const large = await stage.create({ kernels: 3, temporaryPerKernel: 2 ** 31 });
    const small = await stage.create({ kernels: 8, temporaryPerKernel: 2 ** 28 });
    const seen: Record<string, number>[] = [];
    await stage.runners(async () => {
      const { rows } = await stage.db.pool.query<{ id: string; active: number }>(
        `SELECT experiment_id AS id, count(*)::int AS active FROM kernels WHERE state = 'active' GROUP BY experiment_id`,
      );
      seen.push(Object.fromEntries(rows.map(({ id, active }) => [id, active])));
    });
    await stage.dispatcher();
    for (const id of [large, small]) await stage.reaches(id, 'completed');
    const shared = seen.filter((active) => active[large] && active[small]);
    expect(shared.length).toBeGreaterThan(0);
    expect(Math.max(...shared.map((active) => active[large] ?? 0))).toBe(1);
    expect(Math.max(...shared.map((active) => active[small] ?? 0))).toBe(2);
  });

  it('of few tasks is done while one of many, that came before it, goes on', async () => {
    await stage.dispatcher();
    await stage.runners(async () => sleep(10));
    const huge = await stage.create({ kernels: 200 });
    await until(async () => (await stage.experiment(huge)).progress.tiles.done > 3);
    const small = await stage.create({ kernels: 1 });
    await stage.reaches(small, 'completed');
    const { state, progress } = await stage.experiment(huge);
    expect(state).toBe('running');
    expect(progress.tiles.done).toBeLessThan(200);
    await cancelExperiment(stage.db, huge);
    await stage.reaches(huge, 'cancelled');
  });

  it('of priority 10 gets about ten turns for one of priority 1, which gets its own', async () => {
    const high = await stage.create({ kernels: 100, priority: 10 });
    const low = await stage.create({ kernels: 100, priority: 1 });
    const turns = { [high]: 0, [low]: 0 };
    let isOver = false;
    await stage.runners(async ({ experimentId, wave }, signal) => {
      if (isOver) await slowly(60_000)(undefined as never, signal);
      if (wave === 'train') turns[experimentId] = (turns[experimentId] as number) + 1;
      await sleep(5);
    });
    await stage.dispatcher();
    await until(() => (turns[high] as number) + (turns[low] as number) >= 88);
    isOver = true;
    expect(turns[low]).toBeGreaterThanOrEqual(4);
    expect(turns[low]).toBeLessThanOrEqual(22);
    for (const id of [high, low]) await cancelExperiment(stage.db, id);
    for (const id of [high, low]) await stage.reaches(id, 'cancelled');
  });

  it('of pinned numbers is not starved by an idle worker of another fingerprint', async () => {
    await stage.dispatcher({ timing: { intervalMs: 60_000, suspiciousMs: 60_000 } });
    await stage.runners(slowly(20), { slots: 1 });
    const id = await stage.create({ kernels: 4 });
    await until(async () => (await stage.experiment(id)).workerFingerprint !== null);
    const foreign: ClaimedTask[] = [];
    await stage.runners(async (task) => void foreign.push(task), { fingerprint: 'other', slots: 2 });
    await stage.reaches(id, 'completed');
    expect(foreign.every((task) => task.wave === 'analysis' || task.wave === 'finish')).toBe(true);
  });
});
