import type { ExperimentSpec } from '@tessera/spec';
import { testPostgres } from '@tessera/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  acceptFinish,
  acceptTask,
  advanceKernels,
  announceWorker,
  cancelExperiment,
  claimTask,
  createExperiment,
  type Database,
  deleteDataset,
  deleteExperiment,
  doneTasks,
  expireLeases,
  extendLeases,
  failTask,
  findExperiment,
  listExperiments,
  longQueued,
  maxAttempts,
  migrate,
  nameDataset,
  openDatabase,
  rejectPiece,
  releaseTask,
  retryExperiment,
  settleCancelled,
  settleFinished,
  startExperiment,
  startKernels,
  type TaskJob,
  takeReady,
  unqueue,
  type WaveSizes,
} from '../src/index.js';

const spec = { name: 'test', dataset: { id: 'images' }, numerics: 'pinned', priority: 5 } as ExperimentSpec;
const plan = { kernels: 2, totals: { tiles: 6, analyses: 8, strips: 2 } };
const sizes: WaveSizes = {
  tasks: { train: 3, analysis: 2, strip: 1, training: 0, finish: 1 },
  analysesPerKernel: 4,
  analysisBatch: 3,
};
const worker = { id: 'w1', role: 'worker', fingerprint: 'f1' } as const;
const aggregator = { id: 'a1', role: 'aggregator', fingerprint: 'g1' } as const;
const outcome = { pieces: {}, bytes: 8, milliseconds: 3, engine: 'native', device: 'cpu', result: null };

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  const postgres = await testPostgres();
  drop = postgres.drop;
  await migrate(postgres.url);
  db = openDatabase(postgres.url);
  await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
});
afterAll(async () => {
  await db?.close();
  await drop?.();
});

let counter = 0;
let id: string;
beforeEach(async () => {
  id = `e${++counter}`;
  await createExperiment(db, { id, spec, plan, provenance: {}, datasetSha256: 'abc', idempotency: null });
  await startExperiment(db, id);
  await startKernels(db, id, 1, sizes.tasks.train);
});

async function take(waves: ('train' | 'strip' | 'analysis' | 'finish')[]): Promise<TaskJob[]> {
  return takeReady(db, id, waves, 100);
}

async function finishWave(wave: 'train' | 'strip' | 'analysis'): Promise<void> {
  const who = wave === 'analysis' ? aggregator : worker;
  for (const job of await take([wave])) {
    const task = await claimTask(db, job, who, 10_000);
    expect(task).not.toBeNull();
    if (task) expect(await acceptTask(db, task, who, outcome)).toBe(true);
  }
  await advanceKernels(db, id, sizes);
}

describe('leases and acceptance', () => {
  it('gives a task to one of two claimants and drops the duplicate delivery', async () => {
    const [job] = await take(['train']);
    if (!job) throw new Error('no job');
    const claims = await Promise.all([
      claimTask(db, job, worker, 10_000),
      claimTask(db, job, { ...worker, id: 'w2' }, 10_000),
    ]);
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
  });

  it('accepts a generation once, and never one whose lease has ended', async () => {
    const [job] = await take(['train']);
    if (!job) throw new Error('no job');
    const task = await claimTask(db, job, worker, -1);
    if (!task) throw new Error('no lease');
    expect(await expireLeases(db)).toEqual({ expired: 1, failed: 0 });
    expect(await acceptTask(db, task, worker, outcome)).toBe(false);
    const again = (await take(['train'])).find((next) => next.task === job.task);
    expect(again?.generation).toBe(job.generation + 1);
    const retaken = again && (await claimTask(db, again, { ...worker, id: 'w2' }, 10_000));
    if (!retaken) throw new Error('not claimable');
    expect(await acceptTask(db, retaken, { ...worker, id: 'w2' }, outcome)).toBe(true);
    expect(await acceptTask(db, retaken, { ...worker, id: 'w2' }, outcome)).toBe(false);
    expect((await findExperiment(db, id))?.progress.tiles).toMatchObject({ total: 6, done: 1, running: 0 });
  });

  it('pins the first fingerprint that was accepted and gives work to no other', async () => {
    const jobs = await take(['train']);
    const [first, second] = jobs;
    if (!first || !second) throw new Error('no jobs');
    const task = await claimTask(db, first, worker, 10_000);
    if (task) await acceptTask(db, task, worker, outcome);
    expect(await claimTask(db, second, { ...worker, id: 'w2', fingerprint: 'other' }, 10_000)).toBeNull();
    expect(await claimTask(db, second, worker, 10_000)).not.toBeNull();
  });

  it('says on heartbeat which leases are still held and wanted', async () => {
    const [job] = await take(['train']);
    const task = job && (await claimTask(db, job, worker, 10_000));
    if (!task) throw new Error('no lease');
    expect(await extendLeases(db, worker.id, 10_000)).toContainEqual({
      id: task.id,
      generation: task.generation,
      isWanted: true,
    });
    await cancelExperiment(db, id);
    expect(await extendLeases(db, worker.id, 10_000)).toContainEqual({
      id: task.id,
      generation: task.generation,
      isWanted: false,
    });
    expect(await settleCancelled(db, id)).toBe(false);
    expect(await acceptTask(db, task, worker, outcome)).toBe(false);
    await releaseTask(db, task, worker);
    expect(await settleCancelled(db, id)).toBe(true);
  });

  it('makes deliveries the queue lost ready again under a new generation', async () => {
    const [job] = await take(['train']);
    if (!job) throw new Error('no job');
    expect((await longQueued(db, ['train'], -1000, 100)).some((queued) => queued.task === job.task)).toBe(
      true,
    );
    expect(await unqueue(db, [job])).toBe(1);
    expect(await unqueue(db, [job])).toBe(0);
    expect(await claimTask(db, job, worker, 10_000)).toBeNull();
  });
});

describe('waves', () => {
  it('leads a kernel through train, analysis, strip and finish to done', async () => {
    await finishWave('train');
    await finishWave('analysis');
    await finishWave('strip');
    const [job] = await take(['finish']);
    const finish = job && (await claimTask(db, job, aggregator, 10_000));
    if (!finish) throw new Error('no finish');
    expect(await acceptFinish(db, finish, aggregator, outcome, {})).toBe(true);
    const record = await findExperiment(db, id);
    expect(record?.progress).toMatchObject({
      tiles: { done: 3 },
      analyses: { done: 4 },
      strips: { done: 1 },
    });
    expect(await settleFinished(db, id, 'completed')).toBe(false); // the second kernel waits
    expect(await startKernels(db, id, 5, sizes.tasks.train)).toBe(1);
  });

  it('sends a kernel back for one bad tile and keeps what is done of later waves', async () => {
    await finishWave('train');
    const [analysis] = await take(['analysis']);
    const task = analysis && (await claimTask(db, analysis, aggregator, 10_000));
    if (task) await acceptTask(db, task, aggregator, outcome);
    const tile = (await doneTasks(db, id, 0, 'train'))[1];
    if (!tile) throw new Error('no tile');
    const address = { experimentId: id, kernelIndex: 0, wave: 'train', ...tile } as const;
    expect(await rejectPiece(db, address, 'checksum')).toBe(true);
    expect(await rejectPiece(db, address, 'checksum')).toBe(false);
    expect((await findExperiment(db, id))?.progress.tiles.done).toBe(2);
    expect(await take(['analysis'])).toHaveLength(0);
    await finishWave('train');
    await unqueueAll();
    await finishWave('analysis');
    expect((await findExperiment(db, id))?.progress).toMatchObject({
      tiles: { done: 3 },
      analyses: { done: 4 },
    });
  });

  async function unqueueAll(): Promise<void> {
    await unqueue(db, await longQueued(db, ['analysis'], -1000, 100));
  }

  it('fails a kernel with its poison tile, not the others, and retries exactly what failed', async () => {
    const [poison, ...rest] = await take(['train']);
    if (!poison) throw new Error('no job');
    for (let attempt = 0, job: TaskJob | undefined = poison; attempt < maxAttempts; attempt++) {
      const task: Awaited<ReturnType<typeof claimTask>> = job
        ? await claimTask(db, job, worker, 10_000)
        : null;
      if (!task) throw new Error(`attempt ${attempt} not claimable`);
      await failTask(db, task, worker, { code: 'engine-failed', message: 'out of memory' });
      job = (await take(['train'])).find((next) => next.task === poison.task);
    }
    const failed = await findExperiment(db, id);
    expect(failed?.progress.tiles.failed).toBe(1);
    expect(failed?.error).toBe('engine-failed: Tile 0 of kernel 0 failed: out of memory');
    expect(rest.length).toBe(2);
    expect(await startKernels(db, id, 1, sizes.tasks.train)).toBe(1);
    await cancelExperiment(db, id);
    await settleCancelled(db, id);
    await retryExperiment(db, id);
    expect((await findExperiment(db, id))?.progress.tiles).toMatchObject({ failed: 0, done: 0 });
    await startExperiment(db, id);
    expect(await take(['train'])).toHaveLength(6);
  });
});

describe('experiments', () => {
  it('answers a repeated idempotency key with the experiment it made, and refuses another body', async () => {
    const made = { spec, plan, provenance: {}, datasetSha256: 'abc' };
    const first = await createExperiment(db, {
      ...made,
      id: `${id}a`,
      idempotency: { key: id, bodySha256: 'x' },
    });
    const second = await createExperiment(db, {
      ...made,
      id: `${id}b`,
      idempotency: { key: id, bodySha256: 'x' },
    });
    expect([first.created, second.created, second.id]).toEqual([true, false, `${id}a`]);
    await expect(
      createExperiment(db, { ...made, id: `${id}c`, idempotency: { key: id, bodySha256: 'y' } }),
    ).rejects.toMatchObject({ code: 'idempotency-mismatch' });
  });

  it('lists newest first and pages by sequence', async () => {
    const [newest] = await listExperiments(db, { state: null, before: null, limit: 1 });
    expect(newest?.id).toBe(id);
    const [next] = await listExperiments(db, { state: null, before: newest?.sequence ?? null, limit: 1 });
    expect(next?.id).not.toBe(id);
  });

  it('refuses to cancel, retry or delete in a state that does not fit', async () => {
    await expect(retryExperiment(db, id)).rejects.toMatchObject({ code: 'illegal-state' });
    await expect(deleteExperiment(db, id)).rejects.toMatchObject({ code: 'illegal-state' });
    await expect(cancelExperiment(db, 'nothing')).rejects.toMatchObject({ code: 'not-found' });
    await expect(deleteDataset(db, 'images')).rejects.toMatchObject({ code: 'dataset-in-use' });
  });

  it('registers workers', async () => {
    await announceWorker(db, { ...worker, engine: 'native', device: 'cpu', version: '0', slots: 2 });
  });
});
