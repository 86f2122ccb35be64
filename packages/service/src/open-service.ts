import { readFile } from 'node:fs/promises';
import { loadSettings, type Settings } from '@tessera/config';
import { connectionProblem, type Database, instanceId, openDatabase } from '@tessera/database';
import { type JobQueue, openQueue } from '@tessera/queue';
import { openStore, type TileStore } from '@tessera/store';
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  startTracing,
  type Tracing,
} from '@tessera/telemetry';
import { tuneHeap } from './heap.js';

/** What every service stands on. */
export interface Service {
  settings: Settings;
  databaseUrl: string;
  db: Database;
  queue: JobQueue;
  store: TileStore;
  logger: Logger;
  metrics: Metrics;
  /** Null where the standard OTEL_* variables do not ask for traces. */
  tracing: Tracing | null;
  version: string;
  /** Closes queue and database, in this order, and sends the last traces. */
  close(): Promise<void>;
}

/** A statement that is not answered for two leases, or this long, never will be. */
const leastStatementMs = 10_000;

/**
 * Reads the settings and opens database, queue and store; throws one clear sentence when something is missing.
 * @param name stands in every log line
 */
export async function openService(name: 'api' | 'worker' | 'aggregator'): Promise<Service> {
  tuneHeap(0);
  const { settings, warnings } = loadSettings(process.env);
  const logger = createLogger({ service: name, level: settings.logLevel });
  for (const warning of warnings) logger.warn(warning);
  const { databaseUrl } = settings;
  if (databaseUrl === null) {
    throw new Error(
      'TESSERA_DATABASE_URL is not set. Set it to a postgres:// URL, or use `tessera up`, which starts Postgres itself.',
    );
  }
  const version = await packageVersion();
  // Before the database's client and the queue are made, which take part.
  const tracing = settings.isTraced ? await startTracing(name, version) : null;
  const onError = (what: string) => (error: Error) =>
    logger.warn({ err: error }, `${what}: connection trouble`);
  const db = openDatabase(databaseUrl, {
    statementMs: Math.max(leastStatementMs, 2 * settings.leaseMs),
    onError: onError('database'),
  });
  await db.ping().catch((error: unknown) => {
    throw connectionProblem(databaseUrl, error);
  });
  const queue = await openQueue({
    redisUrl: settings.redisUrl,
    redisCa: settings.redisCaFile === null ? null : await readFile(settings.redisCaFile, 'utf8'),
    databaseUrl,
    telemetry: tracing?.queueTelemetry ?? null,
    prefix: `tessera-${await instanceId(db)}`,
    onError: onError('queue'),
  });
  return {
    settings,
    databaseUrl,
    db,
    queue,
    store: await openStore(settings.store),
    logger,
    metrics: createMetrics(),
    tracing,
    version,
    async close() {
      await queue.close();
      await atMost(databaseCloseMs, db.close());
      await tracing
        ?.stop()
        .catch((error: unknown) => logger.warn({ err: error }, 'traces were not all sent'));
    },
  };
}

/** What still waits for the database when a process ends (a sweep's turn, a slow statement) ends with its connection. */
const databaseCloseMs = 3000;

async function atMost(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
