import {
  createPostgresBackend,
  type JobsOptions,
  Queue,
  type QueueOptions as QueueOptionsOfBullmq,
  Worker,
  withBackend,
} from 'bullmq';
import type { Consumer, JobQueue, QueueName, QueueOptions, TaskJob } from './job-queue.js';
import { type Patience, type RedisConnection, redisConnector } from './redis-connection.js';

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
  // An empty queue is asked again after so many seconds: what is added tells itself, unless the connection was cut off.
  drainDelay: 5,
};

/** A backend that says nothing for so long was cut off without a word: the connection is given up, and another made. */
const silenceMs = 15_000;

/** Opens the queue on Redis when there is one, else on BullMQ's PostgreSQL backend. The same code on both. */
export async function openQueue(options: QueueOptions): Promise<JobQueue> {
  const onError = atMostOncePerSecond(options.onError);
  return options.redisUrl === null
    ? onPostgres(options.databaseUrl, telemetryOf(options), onError)
    : onRedis(options.redisUrl, options.redisCa ?? null, options.prefix, telemetryOf(options), onError);
}

/** What BullMQ's queues and workers are given to take part in traces; empty where traces are off. */
type Traces = { telemetry?: NonNullable<QueueOptionsOfBullmq['telemetry']> };

function telemetryOf({ telemetry }: QueueOptions): Traces {
  return telemetry ? { telemetry: telemetry as NonNullable<QueueOptionsOfBullmq['telemetry']> } : {};
}

async function onRedis(
  url: string,
  ca: string | null,
  name: string,
  traces: Traces,
  onError: (error: Error) => void,
): Promise<JobQueue> {
  const make = redisConnector(url, ca);
  const connections: RedisConnection[] = [];
  const connect = (patience: Patience) => {
    const connection = make(patience);
    connection.on('error', onError);
    connections.push(connection);
    return connection;
  };
  // Fails within seconds while Redis is away: neither the dispatcher nor readiness may wait for ever.
  const impatient = {
    maxRetriesPerRequest: 1,
    connectTimeout: 2000,
    socketTimeout: patienceMs,
    autoResendUnfulfilledCommands: false,
  };
  // In braces: a cluster keeps all keys of one hash tag on one node, and BullMQ's scripts touch several at a time.
  const prefix = `{${name}}`;
  const shared = connect(impatient);
  const probe = connect(impatient);
  return jobQueue(
    'redis',
    (name) => new Queue<JobData>(name, { ...traces, connection: shared, prefix }),
    (name, concurrency, handle) =>
      new Worker<JobData>(name, handle, {
        ...workerOptions,
        ...traces,
        connection: connect({ maxRetriesPerRequest: null, socketTimeout: silenceMs }),
        prefix,
        concurrency,
      }),
    {
      async ping() {
        await probe.ping();
      },
      async evictionPolicy() {
        return /^maxmemory_policy:(\S+)/m.exec(await probe.info('memory'))?.[1] ?? null;
      },
    },
    async () => {
      for (const connection of connections) connection.disconnect();
    },
    onError,
  );
}

async function onPostgres(
  connectionString: string,
  traces: Traces,
  onError: (error: Error) => void,
): Promise<JobQueue> {
  const Backend = withBackend(createPostgresBackend);
  const connection = {
    connectionString,
    schema: 'bull',
    migrate: true,
    max: 3,
    // BullMQ's migration, which other processes wait for, counts too.
    query_timeout: 4 * silenceMs,
    connectionTimeoutMillis: silenceMs,
    keepAlive: true,
  };
  return jobQueue(
    'postgres',
    (name) => new Backend.Queue<JobData>(name, { ...traces, connection }) as unknown as Queue<JobData>,
    (name, concurrency, handle) =>
      new Backend.Worker<JobData>(name, handle, {
        ...workerOptions,
        ...traces,
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
  probe: Pick<JobQueue, 'ping' | 'evictionPolicy'> | null,
  disconnect: () => Promise<void>,
  onError: (error: Error) => void,
): Promise<JobQueue> {
  const queues = { tiles: makeQueue('tiles'), analyses: makeQueue('analyses') };
  const consumers: Worker<JobData>[] = [];
  for (const queue of Object.values(queues)) queue.on('error', onError);
  for (const queue of Object.values(queues)) await queue.waitUntilReady();
  return {
    backend,
    async add(name, jobs) {
      const batch = 1000;
      for (let start = 0; start < jobs.length; start += batch) {
        const bulk = jobs.slice(start, start + batch).map((job) => ({
          name: 'task',
          data: { task: String(job.task), generation: job.generation },
          opts: { ...jobOptions, jobId: jobId(job) },
        }));
        await answered(queues[name].addBulk(bulk));
      }
    },
    async consume(name, concurrency, handle): Promise<Consumer> {
      const inHand = new Set<Promise<void>>();
      const worker = makeWorker(name, concurrency, async ({ data }) => {
        const handling = handle({ task: BigInt(data.task), generation: data.generation });
        inHand.add(handling);
        await handling.finally(() => inHand.delete(handling));
      });
      worker.on('error', onError);
      consumers.push(worker);
      await worker.waitUntilReady();
      return {
        async close() {
          const closing = worker.close();
          while (inHand.size > 0) await Promise.allSettled(inHand);
          await atMost(answerMs, closing);
        },
      };
    },
    async locate(name, jobs) {
      const states = await answered(Promise.all(jobs.map((job) => queues[name].getJobState(jobId(job)))));
      const inState = (...wanted: string[]) =>
        jobs.filter((_, index) => wanted.includes(states[index] as string));
      return { lost: inState('unknown', 'completed', 'failed'), inHand: inState('active') };
    },
    async depth(name) {
      const counts = await answered(queues[name].getJobCounts('waiting', 'prioritized', 'delayed', 'active'));
      return {
        waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0) + (counts.delayed ?? 0),
        active: counts.active ?? 0,
      };
    },
    async ping() {
      await answered<unknown>(probe ? probe.ping() : queues.tiles.getJobCounts('active'));
    },
    async evictionPolicy() {
      return probe && (await answered(probe.evictionPolicy()));
    },
    async close() {
      await atMost(answerMs, Promise.allSettled(consumers.map((worker) => worker.close())));
      await atMost(answerMs, Promise.allSettled(Object.values(queues).map((queue) => queue.close())));
      await disconnect();
    },
  };
}

/** What a backend is asked is answered within this time, or it is away. */
const patienceMs = 5000;

/** Rejects when `work` takes too long: what was sent when Redis went away may never be answered, not even with an error. */
async function answered<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The queue does not answer.')), patienceMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a stop waits for a backend to answer; one that is away must not keep a process from its end. */
const answerMs = 3000;

async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]).catch(() => {});
  clearTimeout(timer);
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
