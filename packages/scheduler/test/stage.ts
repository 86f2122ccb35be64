/** A stack without engines: real database and queue, dispatchers, and runners whose tasks are computed by a test. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AnalysisRecord,
  type ClaimedTask,
  createExperiment,
  type Database,
  type ExperimentRecord,
  findExperiment,
  kernelAnalyses,
  migrate,
  nameDataset,
  openDatabase,
  type WorkerIdentity,
} from '@tessera/database';
import { type JobQueue, openQueue, type QueueOptions } from '@tessera/queue';
import { type Runner, startRunner, type TaskOutcome } from '@tessera/runner';
import type { ExperimentSpec, ExperimentState } from '@tessera/spec';
import { type QueueBackend, testPostgres, testRedisUrl } from '@tessera/testkit';
import { Redis } from 'ioredis';
import { type Dispatcher, type DispatcherOptions, startDispatcher } from '../src/index.js';

const silent = { info() {}, warn() {}, error() {} };

/** What a test says of an experiment: how many kernels of how many tasks. */
export interface Shape {
  kernels?: number;
  tiles?: number;
  strips?: number;
  trainings?: number;
  temporaryPerKernel?: number;
  numerics?: ExperimentSpec['numerics'];
  needs?: string;
  priority?: number;
}

/** Analyses of a kernel and of one task; the last task has one. */
const [analyses, batch] = [3, 2];

export type Perform = (task: ClaimedTask, signal: AbortSignal) => Promise<void>;

export class Stage {
  readonly db: Database;
  readonly databaseUrl: string;
  readonly queueOptions: QueueOptions;
  readonly #drop: () => Promise<void>;
  readonly #opened: { close(): Promise<unknown> }[] = [];
  /** What the dispatchers' hooks were called for. */
  readonly prepared: string[] = [];
  readonly completed: string[] = [];

  private constructor(
    db: Database,
    postgres: { url: string; drop(): Promise<void> },
    queueOptions: QueueOptions,
  ) {
    this.db = db;
    this.databaseUrl = postgres.url;
    this.queueOptions = queueOptions;
    this.#drop = postgres.drop;
  }

  static async open(backend: QueueBackend): Promise<Stage> {
    const postgres = await testPostgres({ name: 'migrated', prepare: migrate });
    const redisUrl = backend === 'redis' ? await testRedisUrl() : null;
    const prefix = `test-${randomUUID()}`;
    const db = openDatabase(postgres.url, { connections: 12 });
    await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
    return new Stage(db, postgres, { redisUrl, databaseUrl: postgres.url, prefix, onError: () => {} });
  }

  async queue(): Promise<JobQueue> {
    const queue = await openQueue(this.queueOptions);
    this.#opened.push(queue);
    return queue;
  }

  async dispatcher(options: Partial<DispatcherOptions> = {}): Promise<Dispatcher> {
    const dispatcher = await startDispatcher({
      db: this.db,
      databaseUrl: this.databaseUrl,
      queue: options.queue ?? (await this.queue()),
      log: silent,
      hooks: {
        prepare: async ({ id }) => void this.prepared.push(id),
        complete: async ({ id }) => void this.completed.push(id),
      },
      timing: { intervalMs: 200, suspiciousMs: 300 },
      ...options,
    });
    this.#opened.push(dispatcher);
    return dispatcher;
  }

  /** One worker and one aggregator process, so to speak. */
  async runners(perform: Perform, options: RunnersOptions = {}): Promise<Runner[]> {
    const { fingerprint = 'f', leaseMs = 5000, slots = 2 } = options;
    const queue = options.queue ?? (await this.queue());
    const started: Runner[] = [];
    for (const role of ['worker', 'aggregator'] as const) {
      const runner = await startRunner({
        db: this.db,
        databaseUrl: this.databaseUrl,
        queue,
        queueName: role === 'worker' ? 'tiles' : 'analyses',
        worker: {
          id: `${role}-${randomUUID()}`,
          role,
          engine: 'none',
          device: 'none',
          fingerprint,
          version: '0',
          slots,
          ...(role === 'worker' ? options.worker : {}),
        },
        leaseMs,
        log: silent,
        perform: async (task, signal) => {
          await perform(task, signal);
          const outcome = await this.#outcome(task);
          const { engine = 'none' } = role === 'worker' ? (options.worker ?? {}) : {};
          return { ...outcome, result: { ...outcome.result, engine } };
        },
      });
      this.#opened.push({ close: () => runner.close(0) });
      started.push(runner);
    }
    return started;
  }

  async #outcome(task: ClaimedTask): Promise<TaskOutcome> {
    const result = { pieces: {}, bytes: 1, milliseconds: 1, engine: 'none', device: 'none', result: null };
    if (task.wave === 'analysis') return { result, analyses: rowsOf(task), afterwards: null };
    if (task.wave !== 'finish') return { result, afterwards: null };
    const rows = await kernelAnalyses(this.db, task.experimentId, task.kernelIndex);
    return { result, analyses: rows, afterwards: null };
  }

  async create(shape: Shape = {}): Promise<string> {
    const {
      kernels = 2,
      tiles = 3,
      strips = 2,
      trainings = 2,
      temporaryPerKernel = 1000,
      numerics = 'pinned',
      priority = 5,
    } = shape;
    const id = randomUUID();
    const plan = {
      kernels,
      tilesPerKernel: tiles,
      analysesPerKernel: analyses,
      analysisBatch: batch,
      analysisTasksPerKernel: Math.ceil(analyses / batch),
      stripsPerKernel: strips,
      trainingsPerKernel: trainings,
      bytes: { kept: 0, temporary: temporaryPerKernel * kernels, temporaryPerKernel },
      totals: {
        tiles: tiles * kernels,
        analyses: analyses * kernels,
        strips: strips * kernels,
        trainings: trainings * kernels,
      },
    };
    const spec = { name: 'staged', dataset: { id: 'images' }, numerics, priority } as ExperimentSpec;
    const made = { id, spec, plan, provenance: {}, datasetSha256: 'abc', idempotency: null };
    await createExperiment(this.db, shape.needs === undefined ? made : { ...made, needs: shape.needs });
    return id;
  }

  async experiment(id: string): Promise<ExperimentRecord> {
    const record = await findExperiment(this.db, id);
    if (!record) throw new Error(`there is no experiment ${id}`);
    return record;
  }

  /** Waits for a state. @throws when the experiment ends in another, or not in time */
  async reaches(id: string, state: ExperimentState, withinMs = 90_000): Promise<ExperimentRecord> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const record = await this.experiment(id);
      if (record.state === state) return record;
      const hasEnded = ['completed', 'failed'].includes(record.state);
      if (hasEnded || performance.now() > deadline) {
        const { rows } = await this.db.pool.query(
          'SELECT kernel_index, wave, index, state, generation, queued_at FROM tasks WHERE experiment_id = $1',
          [id],
        );
        throw new Error(`not ${state} but ${record.state} ${record.error ?? ''} ${JSON.stringify(rows)}`);
      }
      await sleep(15);
    }
  }

  async leased(): Promise<number> {
    const { rows } = await this.db.pool.query(
      `SELECT count(*)::int AS n FROM tasks WHERE state = 'leased' OR leased_until IS NOT NULL`,
    );
    return rows[0].n;
  }

  /** Loses every delivery, as a flush of Redis or of BullMQ's tables does. */
  async loseDeliveries(): Promise<number> {
    const { redisUrl, prefix } = this.queueOptions;
    if (redisUrl !== null) {
      const redis = new Redis(redisUrl);
      // Never FLUSHDB: other tests use this Redis too.
      const keys = await redis.keys(`{${prefix}}:*`);
      if (keys.length > 0) await redis.del(...keys);
      redis.disconnect();
      return keys.length;
    }
    const { rows } = await this.db.pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname = 'bull' AND tablename LIKE '%job%'`,
    );
    await this.db.pool.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')} CASCADE`);
    return rows.length;
  }

  async close(): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened.close();
    await this.db.close();
    await this.#drop();
  }
}

interface RunnersOptions {
  /** What the worker says of itself beside. */
  worker?: Partial<WorkerIdentity>;
  fingerprint?: string;
  leaseMs?: number;
  slots?: number;
  queue?: JobQueue;
}

export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 90_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(15);
  }
}

function rowsOf(task: ClaimedTask): AnalysisRecord[] {
  const first = task.index * batch;
  return Array.from({ length: Math.min(batch, analyses - first) }, (_, offset) => ({
    ordinal: task.kernelIndex * analyses + first + offset,
    kernelIndex: task.kernelIndex,
    kernel: 'ntk',
    weightVariance: task.kernelIndex,
    biasVariance: 0,
    depth: first + offset,
    phase: 'ordered',
    ...({ qStar: 1, cStar: 1, chi1: 0.5, xi1: 1, xiStar: null } as const),
    ...({ lambdaMax: 1, lambdaMin: 1, lambdaBulk: 1, kappa: 1, conditionNumber: 1 } as const),
    ...({ maxLearningRate: 1, trace: 1, meanPredictorNorm: null } as const),
    regression: [],
    dynamics: [],
    status: 'ok',
    warnings: [],
  }));
}
