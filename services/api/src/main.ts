/** The API process: REST, and the dispatcher beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, protocolVersion, raiseProtocol } from '@tessera/database';
import { openService, runMain, serveMetrics, stopOnce } from '@tessera/service';
import { prepareKeys } from './access/prepare-keys.js';
import { buildApp } from './app.js';
import type { AppContext } from './app-context.js';
import { dispatch } from './dispatcher.js';
import { collectRegularly } from './retention.js';
import { metricsText } from './routes/health.js';
import { sweepRegularly } from './sweep.js';
import { sweepUploads } from './upload.js';

/** How long a stop may take after draining and the grace of the requests in hand. */
const closingMs = 10_000;

await runMain(async () => {
  const service = await openService('api');
  const { db, databaseUrl, store, queue, settings, logger, metrics, version } = service;
  await raiseProtocol(db, settings.testProtocol ?? protocolVersion, version);
  await prepareKeys(db, settings, logger);
  const context: AppContext = {
    db,
    databaseUrl,
    store,
    queuePing: () => queue.ping(),
    queueDepths: async () => ({ tiles: await queue.depth('tiles'), analyses: await queue.depth('analyses') }),
    settings,
    logger,
    metrics,
    tracing: service.tracing,
    version,
  };
  const app = await buildApp(context);
  const metricsServer = await serveMetrics(service, () => metricsText(context));
  await sweepUploads(settings);
  // Connections of its own: a crowd of requests must not keep work from being given out.
  const dispatchDb = openDatabase(databaseUrl, {
    connections: 4,
    statementMs: Math.max(60_000, 2 * settings.leaseMs),
    onError: (error) => logger.warn({ err: error }, 'dispatcher: connection trouble'),
  });
  const dispatcher = await dispatch({
    db: dispatchDb,
    databaseUrl,
    queue,
    store,
    log: logger,
    minFreeBytes: settings.minFreeBytes,
    leaseMs: settings.leaseMs,
    runningTiles: settings.projectLimits.runningTiles,
    onReconciled({ expired, lost }) {
      metrics.leaseExpiries.inc(expired);
      metrics.retries.inc({ reason: 'lease' }, expired);
      metrics.retries.inc({ reason: 'lost-delivery' }, lost);
    },
  });
  const sweeping = sweepRegularly(db, store, logger);
  const collecting = collectRegularly(
    { db, store, logger },
    { retentionDays: settings.retentionDays, isLeader: () => dispatcher.isLeader() },
  );
  stopOnce(logger, settings.drainMs + settings.graceMs + closingMs, async () => {
    app.readiness.isStopping = true;
    clearInterval(sweeping);
    if (collecting) clearInterval(collecting);
    // Another replica may lead while this one drains.
    await Promise.all([dispatcher.close(), sleep(settings.drainMs).then(() => app.close())]);
    metricsServer?.closeAllConnections();
    await dispatchDb.close();
    await service.close();
  });
  const url = await app.listen({ host: settings.host, port: settings.port });
  logger.info({ url, queue: queue.backend, store: store.place }, 'listening');
  // Readiness does not wait for it: a request that names a reserved data set before it is there imports it.
  app.importReserved().catch((error: unknown) => logger.error({ err: error }, 'importing data sets failed'));
});
