/** The two queues: `tiles` for workers (train tiles and strips), `analyses` for aggregators (analyses, finishes). */
export type QueueName = 'tiles' | 'analyses';

/** A delivery says which generation of which task, and nothing else: Postgres knows the rest. */
export interface TaskJob {
  task: bigint;
  generation: number;
}

export interface Consumer {
  /** Takes no more jobs and waits for those in hand, whether the backend answers or not. */
  close(): Promise<void>;
}

/**
 * Delivery of jobs at least once, in rough order. A cache of Postgres: what it loses the reconciler adds again,
 * what it delivers twice the claim drops.
 */
export interface JobQueue {
  readonly backend: 'redis' | 'postgres';
  /** Rejects within seconds when the backend does not answer; it may have taken some of the jobs. */
  add(name: QueueName, jobs: readonly TaskJob[]): Promise<void>;
  /** Hands each job to `handle`, at most `concurrency` at a time. `handle` does not reject. */
  consume(name: QueueName, concurrency: number, handle: (job: TaskJob) => Promise<void>): Promise<Consumer>;
  /** Those of `jobs` that the queue does not hold, and those that it has handed out and that have not ended. */
  locate(name: QueueName, jobs: readonly TaskJob[]): Promise<{ lost: TaskJob[]; inHand: TaskJob[] }>;
  /** Jobs waiting and in hand. */
  depth(name: QueueName): Promise<{ waiting: number; active: number }>;
  /** Rejects when the backend does not answer. */
  ping(): Promise<void>;
  /** What the backend does with keys when its memory is full (Redis's `maxmemory-policy`); null where it has no such policy. */
  evictionPolicy(): Promise<string | null>;
  close(): Promise<void>;
}

export interface QueueOptions {
  /** As TESSERA_REDIS_URL (packages/config: parseRedis), or null: BullMQ's PostgreSQL backend in the schema `bull` of `databaseUrl`. */
  redisUrl: string | null;
  databaseUrl: string;
  /** Certificates (PEM) that vouch for a `rediss://` server; left out or null: the system's. */
  redisCa?: string | null;
  /** Keeps the queues of several databases apart in one Redis: every key begins with `{prefix}`. */
  prefix: string;
  /** BullMQ's telemetry (packages/telemetry), where traces are on: it carries the context with each job. */
  telemetry?: object | null;
  /** Connection troubles; called at most once a second. */
  onError: (error: Error) => void;
}
