import { createPostgresBackend, type JobsOptions, Queue, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { Consumer, JobQueue, QueueName, QueueOptions, TaskJob } from './job-queue.js';

interface JobData {
  task: string;
  generation: number;
}

/**
 * Nothing is kept after a job ends: a retained id makes the next `add` of it a silent no-op. `{ count: 0 }`
 * and not `true`, which breaks every completion on Redis (BullMQ 6.7). Retries are ours, by generation.
 */
const jobOptions: JobsOptions = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 }, attempts: 1 };
const workerOptions = {
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
  lockDuration: 30_000,
  stalledInterval: 15_000,
  // One stall fails a job for good by default; a redelivery is harmless here, a lost job is not.
  maxStalledCount: 1000,
  drainDelay: 2,
};

/** Opens the queue on Redis when there is one, else on BullMQ's PostgreSQL backend. The same code on both. */
export async function openQueue(options: QueueOptions): Promise<JobQueue> {
  const onError = atMostOncePerSecond(options.onError);
  return options.redisUrl === null
    ? onPostgres(options.databaseUrl, onError)
    : onRedis(options.redisUrl, options.prefix, onError);
}

async function onRedis(url: string, prefix: string, onError: (error: Error) => void): Promise<JobQueue> {
  const connections: Redis[] = [];
  const connect = () => {
    const connection = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: true });
    connection.on('error', onError);
    connections.push(connection);
    return connection;
  };
  const shared = connect();
  // A second connection that fails fast: readiness must not wait for ever while Redis is away.
  const probe = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: true, connectTimeout: 2000 });
  probe.on('error', onError);
  connections.push(probe);
  return jobQueue(
    'redis',
    (name) => new Queue<JobData>(name, { connection: shared, prefix }),
    (name, concurrency, handle) =>
      new Worker<JobData>(name, handle, { ...workerOptions, connection: connect(), prefix, concurrency }),
    async () => {
      await probe.ping();
    },
    async () => {
      for (const connection of connections) connection.disconnect();
    },
    onError,
  );
}

async function onPostgres(connectionString: string, onError: (error: Error) => void): Promise<JobQueue> {
  const Backend = withBackend(createPostgresBackend);
  const connection = { connectionString, schema: 'bull', migrate: true, max: 3 };
  return jobQueue(
    'postgres',
    (name) => new Backend.Queue<JobData>(name, { connection }) as unknown as Queue<JobData>,
    (name, concurrency, handle) =>
      new Backend.Worker<JobData>(name, handle, {
        ...workerOptions,
        connection,
        concurrency,
      }) as unknown as Worker<JobData>,
    null,
    async () => {},
    onError,
  );
}

type Handler = (job: { data: JobData }) => Promise<void>;

async function jobQueue(
  backend: 'redis' | 'postgres',
  makeQueue: (name: QueueName) => Queue<JobData>,
  makeWorker: (name: QueueName, concurrency: number, handle: Handler) => Worker<JobData>,
  probe: (() => Promise<void>) | null,
  disconnect: () => Promise<void>,
  onError: (error: Error) => void,
): Promise<JobQueue> {
  const queues = { tiles: makeQueue('tiles'), analyses: makeQueue('analyses') };
  const consumers: Worker<JobData>[] = [];
  for (const queue of Object.values(queues)) {
    queue.on('error', onError);
    await queue.waitUntilReady();
  }
  return {
    backend,
    async add(name, jobs) {
      const batch = 1000;
      for (let start = 0; start < jobs.length; start += batch) {
        await queues[name].addBulk(
          jobs.slice(start, start + batch).map((job) => ({
            name: 'task',
            data: { task: String(job.task), generation: job.generation },
            opts: { ...jobOptions, jobId: jobId(job) },
          })),
        );
      }
    },
    async consume(name, concurrency, handle): Promise<Consumer> {
      const worker = makeWorker(name, concurrency, async ({ data }) =>
        handle({ task: BigInt(data.task), generation: data.generation }),
      );
      worker.on('error', onError);
      consumers.push(worker);
      await worker.waitUntilReady();
      return { close: () => worker.close() };
    },
    async missing(name, jobs) {
      const known = await Promise.all(jobs.map((job) => queues[name].getJobState(jobId(job))));
      const lost = new Set<string>(['unknown', 'completed', 'failed']);
      return jobs.filter((_, index) => lost.has(known[index] ?? 'unknown'));
    },
    async depth(name) {
      const counts = await queues[name].getJobCounts('waiting', 'prioritized', 'delayed', 'active');
      return {
        waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0) + (counts.delayed ?? 0),
        active: counts.active ?? 0,
      };
    },
    async ping() {
      if (probe) await probe();
      else await queues.tiles.getJobCounts('active');
    },
    async close() {
      await Promise.allSettled(consumers.map((worker) => worker.close()));
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
      await disconnect();
    },
  };
}

/** No ':' in a job's id (BullMQ keeps it for itself). */
function jobId({ task, generation }: TaskJob): string {
  return `${task}-${generation}`;
}

/** A lost connection raises about a hundred errors; one a second tells as much. */
function atMostOncePerSecond(report: (error: Error) => void): (error: Error) => void {
  let last = 0;
  return (error) => {
    const now = performance.now();
    if (last !== 0 && now - last < 1000) return;
    last = now;
    report(error);
  };
}
