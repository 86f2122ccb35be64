import { setTimeout } from 'node:timers/promises';
import {
  type DatabaseLoad,
  livingWorkers,
  readDatabaseLoad,
  readOverview,
  workerSilenceMs,
} from '@tessera/database';
import { TesseraError } from '@tessera/spec';
import type { DatabaseMetrics } from '@tessera/telemetry';
import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../app-context.js';
import { json, problems } from '../openapi.js';
import { problemDetails, sendProblem } from '../problem.js';

/** A part that has not answered by then counts as down. */
const checkMs = 3000;

/** Whether the process takes requests; set to false when it begins to stop. */
export interface Readiness {
  isStopping: boolean;
}

/** `/healthz`, `/readyz`, `/metrics`. */
export async function healthRoutes(
  app: FastifyInstance,
  context: AppContext & { readiness: Readiness },
): Promise<void> {
  const { metrics, version, readiness } = context;
  const status = { type: 'object', properties: { status: { type: 'string' }, version: { type: 'string' } } };

  app.get('/healthz', {
    schema: { tags: ['service'], summary: 'The process lives', response: { 200: json('It does.', status) } },
    handler: async () => ({ status: 'ok', version }),
  });

  app.get('/readyz', {
    schema: {
      tags: ['service'],
      summary: 'The database, the queue and the store answer',
      response: { 200: json('They do.', status), ...problems('unavailable') },
    },
    async handler(request, reply) {
      if (readiness.isStopping)
        return sendProblem(reply, problemDetails('unavailable', 'The server is stopping.'));
      const failed = (await checkParts(context)).filter(({ error }) => error !== null);
      if (failed.length === 0) return { status: 'ok', version };
      for (const { name, error } of failed) request.log.warn({ err: error, part: name }, 'not ready');
      const names = failed.map(({ name }) => name).join(', ');
      return sendProblem(reply, problemDetails('unavailable', `Not ready: no answer from ${names}.`));
    },
  });

  app.get('/metrics', {
    config: { role: 'viewer', everyProject: true },
    schema: {
      tags: ['service'],
      summary: 'Metrics for Prometheus',
      response: {
        200: { description: 'Text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
      },
    },
    async handler(_, reply) {
      const text = await metricsText(context);
      return reply.type(metrics.registry.contentType).send(text);
    },
  });
}

/** The metrics of this process and, as far as the database and the queue answer, of the whole installation. */
export async function metricsText(context: AppContext): Promise<string> {
  const { metrics, logger } = context;
  const [parts] = await Promise.all([
    checkParts(context),
    // What the process counts itself is worth having while the database is away.
    measureNow(context).catch((error: unknown) => logger.warn({ err: error }, 'no gauges')),
  ]);
  for (const { name, error } of parts) metrics.ready.set({ part: name }, error === null ? 1 : 0);
  return metrics.registry.metrics();
}

/** Sets the gauges: what there is at this moment. */
async function measureNow({ db, store, queueDepths, metrics }: AppContext): Promise<void> {
  const [{ experiments, tasks }, workers, load, depths, freeBytes] = await Promise.all([
    readOverview(db),
    livingWorkers(db, workerSilenceMs),
    readDatabaseLoad(db),
    queueDepths(),
    store.freeBytes(),
  ]);
  metrics.experiments.reset();
  for (const { state, count } of experiments) metrics.experiments.set({ state }, count);
  metrics.experimentsPaused.set(experiments.reduce((sum, { paused }) => sum + paused, 0));
  if (freeBytes !== null) metrics.storeFreeBytes.set(freeBytes);
  metrics.tasks.reset();
  metrics.queueAge.reset();
  for (const { wave, state, count, age } of tasks) {
    metrics.tasks.set({ wave, state }, count);
    if (age !== null) metrics.queueAge.set({ wave }, age);
  }
  for (const [queue, { waiting, active }] of Object.entries(depths)) {
    metrics.queueDepth.set({ queue, state: 'waiting' }, waiting);
    metrics.queueDepth.set({ queue, state: 'active' }, active);
  }
  metrics.workers.reset();
  for (const { role, engine } of workers) metrics.workers.inc({ role, engine });
  setDatabaseMetrics(metrics.database, load);
}

function setDatabaseMetrics(metrics: DatabaseMetrics, load: DatabaseLoad): void {
  metrics.bytes.set(load.bytes);
  metrics.connections.reset();
  for (const { state, count } of load.connections) metrics.connections.set({ state }, count);
  metrics.connectionsLimit.set(load.connectionsLimit);
  metrics.oldestTransaction.set(load.oldestTransaction);
  // Postgres counts these, and this process only hands them on.
  for (const counter of [metrics.transactions, metrics.blocks, metrics.deadlocks]) counter.reset();
  metrics.transactions.inc({ outcome: 'committed' }, load.committed);
  metrics.transactions.inc({ outcome: 'rolled-back' }, load.rolledBack);
  metrics.blocks.inc({ source: 'cache' }, load.blocksFromCache);
  metrics.blocks.inc({ source: 'disk' }, load.blocksFromDisk);
  metrics.deadlocks.inc(load.deadlocks);
  metrics.rows.reset();
  for (const { table, live, dead } of load.tables) {
    metrics.rows.set({ table, state: 'live' }, live);
    metrics.rows.set({ table, state: 'dead' }, dead);
  }
}

/** Asks all that a request may need. `error` is null of a part that answers. */
async function checkParts({
  db,
  store,
  queuePing,
}: Pick<AppContext, 'db' | 'store' | 'queuePing'>): Promise<{ name: string; error: unknown }[]> {
  const checks: Record<string, () => Promise<void>> = {
    database: () => db.ping(),
    queue: queuePing,
    store: () => store.check(),
  };
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => ({ name, error: await failureOf(check) })),
  );
}

async function failureOf(check: () => Promise<void>): Promise<unknown> {
  const late = new AbortController();
  try {
    await Promise.race([
      check(),
      setTimeout(checkMs, undefined, { signal: late.signal, ref: false }).then(() => {
        throw new TesseraError('unavailable', `No answer within ${checkMs} ms.`);
      }),
    ]);
    return null;
  } catch (error) {
    return error;
  } finally {
    late.abort();
  }
}
