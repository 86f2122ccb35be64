import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClaimedTask,
  cancelExperiment,
  createExperiment,
  type Database,
  expireLeases,
  findExperiment,
  livingWorkers,
  migrate,
  nameDataset,
  openDatabase,
  startExperiment,
  startKernels,
  takeReady,
} from '@tessera/database';
import { NotYet } from '@tessera/experiment';
import type { JobQueue, TaskJob } from '@tessera/queue';
import type { ExperimentSpec } from '@tessera/spec';
import { TesseraError } from '@tessera/spec';
import { testPostgres } from '@tessera/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Runner, type RunnerOptions, startRunner } from '../src/index.js';

const spec = { name: 'run', dataset: { id: 'images' }, numerics: 'pinned', priority: 5 } as ExperimentSpec;
const tiles = 4;
const plan = { kernels: 1, totals: { tiles, analyses: 1, strips: 0 } };
const worker = {
  id: 'w1',
  role: 'worker',
  engine: 'none',
  device: 'none',
  fingerprint: 'f',
  version: '0',
  slots: 2,
} as const;
const result = { pieces: {}, bytes: 1, milliseconds: 1, engine: 'none', device: 'none', result: null };
const outcome = { result, analyses: [], afterwards: null };

let db: Database;
let url: string;
let drop: () => Promise<void>;
beforeAll(async () => {
  ({ url, drop } = await testPostgres({ name: 'migrated', prepare: migrate }));
  db = openDatabase(url);
  await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
});
afterAll(async () => {
  await db?.close();
  await drop?.();
});

let counter = 0;
let id: string;
const runners: Runner[] = [];
beforeEach(async () => {
  id = `run${++counter}`;
  await createExperiment(db, { id, spec, plan, provenance: {}, datasetSha256: 'abc', idempotency: null });
  await startExperiment(db, id);
  await startKernels(db, id, 1, tiles);
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close(0);
});

/** A queue that hands over what a test gives it, each delivery in its own time. */
function handQueue(): { queue: JobQueue; deliver(jobs: TaskJob[]): Promise<void> } {
  let handle: (job: TaskJob) => Promise<void> = async () => {};
  const inHand = new Set<Promise<void>>();
  const queue = {
    consume: async (_: string, __: number, handler: typeof handle) => {
      handle = handler;
      return { close: async () => void (await Promise.all(inHand)) };
    },
  } as unknown as JobQueue;
  return {
    queue,
    async deliver(jobs) {
      const all = jobs.map((job) => handle(job));
      for (const one of all) inHand.add(one);
      await Promise.all(all);
    },
  };
}

async function run(options: Partial<RunnerOptions>) {
  const { queue, deliver } = handQueue();
  const log: string[] = [];
  const note = (_: object, message: string) => void log.push(message);
  const runner = await startRunner({
    db,
    databaseUrl: url,
    queue,
    queueName: 'tiles',
    worker,
    leaseMs: 2000,
    log: { info: note, warn: note, error: note },
    perform: async () => outcome,
    ...options,
  });
  runners.push(runner);
  return { runner, deliver, log };
}

const jobs = () => takeReady(db, id, ['train'], tiles);
async function tasks() {
  const { rows } = await db.pool.query(
    'SELECT state, generation, attempts, queued_at FROM tasks WHERE experiment_id = $1 ORDER BY index',
    [id],
  );
  return rows as { state: string; generation: number; attempts: number; queued_at: Date | null }[];
}
async function stateOf(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of await tasks()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(15);
  }
}
/** Computes until told to stop. */
const endless = async (_: ClaimedTask, signal: AbortSignal) => {
  await sleep(60_000, undefined, { signal });
  return outcome;
};

describe('a runner', () => {
  it('holds its leases by heartbeats for as long as a task takes', async () => {
    const { deliver } = await run({
      leaseMs: 1000,
      perform: async () => {
        await sleep(2200);
        return outcome;
      },
    });
    const working = deliver((await jobs()).slice(0, 1));
    for (let look = 0; look < 6; look++) {
      await sleep(340);
      expect((await expireLeases(db)).expired).toBe(0);
    }
    await working;
    expect((await tasks())[0]).toMatchObject({ state: 'done', generation: 1 });
  });

  it('stops a task whose lease was taken away, and leaves the next holder alone', async () => {
    const { deliver, log } = await run({ leaseMs: 400, perform: endless });
    const working = deliver((await jobs()).slice(0, 1));
    await until(async () => (await tasks())[0]?.state === 'leased');
    await db.pool.query(`UPDATE tasks SET generation = 2, worker_id = 'other' WHERE experiment_id = $1`, [
      id,
    ]);
    await working;
    expect(log).toContain('lease lost');
    await db.pool.query(`UPDATE tasks SET worker_id = NULL WHERE experiment_id = $1`, [id]);
    expect((await tasks())[0]).toMatchObject({ state: 'leased', generation: 2 });
  });

  it('gives a task back, at the cost of no attempt, when the database went away under it', async () => {
    const { deliver, runner } = await run({
      perform: async () => {
        throw Object.assign(new Error('wrapped'), { code: 'P2039', cause: { code: '57P03' } });
      },
    });
    const working = deliver((await jobs()).slice(0, 1));
    await until(async () => (await tasks())[0]?.generation === 2);
    // It rests now, until it is told to stop.
    await runner.close(0);
    await working;
    expect((await tasks())[0]).toMatchObject({ state: 'pending', attempts: 0, queued_at: null });
  });

  it('stops at once when the experiment is cancelled', async () => {
    const { deliver } = await run({ leaseMs: 60_000, perform: endless });
    const working = deliver((await jobs()).slice(0, 2));
    await until(async () => (await tasks()).filter((task) => task.state === 'leased').length === 2);
    const asked = performance.now();
    await cancelExperiment(db, id);
    await working;
    expect(performance.now() - asked).toBeLessThan(1500);
    expect((await tasks()).every((task) => task.state === 'pending' && task.attempts === 0)).toBe(true);
  });

  it('gives back what must wait at the cost of no attempt, and reports what failed', async () => {
    let error: Error = new NotYet('a tile is missing');
    const { deliver } = await run({
      perform: async () => {
        throw error;
      },
    });
    await deliver((await jobs()).slice(0, 1));
    expect((await tasks())[0]).toMatchObject({
      state: 'pending',
      generation: 2,
      attempts: 0,
      queued_at: null,
    });
    error = new Error('out of memory');
    await deliver((await jobs()).slice(0, 1));
    expect((await tasks())[0]).toMatchObject({
      state: 'pending',
      generation: 3,
      attempts: 1,
      queued_at: null,
    });
  });

  it('gives a task back at the cost of no attempt when the store is full or away', async () => {
    const { deliver, log } = await run({
      perform: async () => {
        throw new TesseraError('unavailable', 'No space is left.');
      },
    });
    await deliver((await jobs()).slice(0, 1));
    expect((await tasks())[0]).toMatchObject({ state: 'pending', generation: 2, attempts: 0 });
    expect(log.some((line) => line.includes('store does not answer'))).toBe(true);
  });

  it('does not undo a done task for what fails afterwards', async () => {
    const { deliver, log } = await run({
      perform: async () => ({
        ...outcome,
        afterwards: async () => {
          throw new Error('the folder is busy');
        },
      }),
    });
    await deliver((await jobs()).slice(0, 1));
    expect((await tasks())[0]).toMatchObject({ state: 'done', attempts: 0 });
    expect(log).toContain('what follows a done task failed; the sweep deletes what is left');
    expect(log).not.toContain('task failed');
  });

  it('closing, finishes what it can, gives back the rest, and takes nothing new', async () => {
    const ready = await jobs();
    const performed: number[] = [];
    const { runner, deliver } = await run({
      perform: async (task, signal) => {
        performed.push(task.index);
        if (task.index === 0) await endless(task, signal);
        await sleep(300);
        return outcome;
      },
    });
    const working = deliver(ready.slice(0, 2));
    await until(() => performed.length === 2);
    const closing = runner.close(600);
    await deliver(ready.slice(2));
    await Promise.all([working, closing]);
    expect((await tasks()).map(({ state, queued_at }) => [state, queued_at !== null])).toEqual([
      ['pending', false],
      ['done', true],
      ['pending', false],
      ['pending', false],
    ]);
    expect(performed.sort()).toEqual([0, 1]);
    expect(await livingWorkers(db, 60_000)).toEqual([]);
  });

  it('brings in a result that was complete when time was up', async () => {
    let isPerforming = false;
    const { runner, deliver } = await run({
      perform: async () => {
        isPerforming = true;
        await sleep(300);
        return outcome;
      },
    });
    const working = deliver((await jobs()).slice(0, 1));
    await until(() => isPerforming);
    await Promise.all([runner.close(0), working]);
    expect((await tasks())[0]).toMatchObject({ state: 'done' });
  });

  it('drops deliveries it cannot claim while Postgres is away, and leaves what it cannot report to the lease', async () => {
    const away = openDatabase(url);
    const { deliver, log } = await run({
      db: away,
      perform: async () => {
        await away.pool.end();
        return outcome;
      },
    });
    const ready = await jobs();
    await deliver(ready.slice(0, 1));
    await deliver(ready.slice(1, 2));
    expect(log).toContain('could not report a task; its lease will end');
    expect(log).toContain('claim failed; the reconciler delivers the task again');
    expect((await tasks()).map((task) => task.state)).toEqual(['leased', 'pending', 'pending', 'pending']);
    expect((await findExperiment(db, id))?.progress.tiles.done).toBe(0);
    // Closing reports to the same database.
    await expect(runners.pop()?.close(0)).rejects.toThrow();
  });
});

describe('a stop', () => {
  it('stops a task that was being claimed when the time ran out', async () => {
    const ends: boolean[] = [];
    const { runner, deliver } = await run({
      async perform(_, signal) {
        await sleep(30_000, undefined, { signal }).catch(() => {});
        ends.push(signal.aborted);
        throw new Error('stopped');
      },
    });
    // The claims are under way, and none is held yet.
    const delivered = deliver(await jobs());
    const closing = runner.close(0);
    await Promise.all([delivered, closing]);
    expect(ends).toEqual(ends.map(() => true));
    expect((await tasks()).map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(
      Array(tiles).fill('pending 0'),
    );
  });

  it('gives back over its head what does not stop computing, and what comes of it is not accepted', async () => {
    let finish: () => void = () => {};
    const computing = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { runner, deliver, log } = await run({
      async perform() {
        await computing;
        return outcome;
      },
    });
    const delivered = deliver(await jobs());
    while ((await tasks()).some(({ state }) => state !== 'leased')) await sleep(5);
    await runner.close(0);
    expect((await tasks()).map(({ state, generation }) => `${state} ${generation}`)).toEqual(
      Array(tiles).fill('pending 2'),
    );
    expect(log).toContain('tasks given back that do not stop computing');
    finish();
    await delivered;
    expect((await tasks()).map(({ state }) => state)).toEqual(Array(tiles).fill('pending'));
  });

  it('has the slot of a task taken again once that is computed, of one at a time while it is being written', async () => {
    const writing: (() => void)[] = [];
    const { runner, deliver } = await run({
      async perform(_task, _signal, release) {
        release();
        await new Promise<void>((written) => writing.push(written));
        return outcome;
      },
    });
    const ends: number[] = [];
    const delivered = (await jobs())
      .slice(0, 3)
      .map(async (job, i) => deliver([job]).then(() => void ends.push(i)));
    await until(() => writing.length === 3 && ends.length === 1);
    expect(await stateOf()).toEqual({ leased: 3, pending: 1 });
    const [first] = ends;
    // The one whose slot is taken again ends: the next may have its slot taken.
    writing[first as number]?.();
    await until(() => ends.length === 2);
    // A stop waits for those too that no delivery waits for.
    const closing = runner.close(5000);
    for (const written of writing) written();
    await Promise.all([...delivered, closing]);
    expect(await stateOf()).toEqual({ done: 3, pending: 1 });
  });
});
