/** The REST service as a Fastify instance: testable without a socket. */
import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  LogController,
} from 'fastify';
import { installAccess } from './access/access.js';
import { installRateLimit } from './access/rate-limit.js';
import type { AppContext } from './app-context.js';
import { limitBodyTime, type RequestTimes, requestTimes } from './body-time.js';
import { openDatasetCatalog } from './dataset-catalog.js';
import { installJsonParser, jsonBodyLimit } from './json-body.js';
import { installOpenApi } from './openapi.js';
import { installOverload } from './overload.js';
import { installProblemHandlers, refuseMalformedRequest, refuseUnroutable } from './problem.js';
import { accessRoutes } from './routes/access.js';
import { analysisRoutes } from './routes/analyses.js';
import { archiveRoutes } from './routes/archives.js';
import { arrayRoutes } from './routes/arrays.js';
import { clusterRoutes } from './routes/cluster.js';
import { dashboardRoutes } from './routes/dashboard.js';
import { datasetRoutes } from './routes/datasets.js';
import { eventRoutes } from './routes/events.js';
import { experimentRoutes } from './routes/experiments.js';
import { healthRoutes, type Readiness } from './routes/health.js';
import { historyRoutes } from './routes/history.js';
import { matrixRoutes } from './routes/matrices.js';
import { operationRoutes } from './routes/operations.js';
import { planRoutes } from './routes/plans.js';
import { provenanceRoutes } from './routes/provenance.js';
import { theoryRoutes } from './routes/theory.js';
import { tileRoutes } from './routes/tiles.js';
import { trainingRoutes } from './routes/trainings.js';
import { installSecurityHeaders } from './security-headers.js';
import { stopConnections } from './stop-connections.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Set `isStopping` to turn `/readyz` to 503 before closing. */
    readiness: Readiness;
    /** Imports the reserved data sets in the background, as far as their sources are there. */
    importReserved(): Promise<void>;
  }
}

/** Builds the service; nothing is connected or listening before `ready()` or `listen()`. */
export async function buildApp(
  context: AppContext,
  times: RequestTimes = requestTimes,
): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: context.logger as FastifyBaseLogger,
    // Our own line per request is below.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: jsonBodyLimit,
    trustProxy: context.settings.trustProxy.length > 0 ? [...context.settings.trustProxy] : false,
    routerOptions: { maxParamLength: 256, caseSensitive: true },
    // An upload may take long; headers may not, nor may any other body (body-time.ts).
    requestTimeout: 0,
    http: { headersTimeout: times.headersMs, connectionsCheckingInterval: times.checkMs },
    // A socket on which nothing moves, either way: events have a heartbeat, the import of an upload its own time.
    connectionTimeout: times.idleMs,
    // What still comes on an open connection while the server closes is answered as ever.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseMalformedRequest,
    frameworkErrors: refuseUnroutable,
  });
  // Before any hook or route that is to have a span.
  if (context.tracing) await app.register(context.tracing.fastifyPlugin as FastifyPluginAsync);
  const catalog = openDatasetCatalog(context);
  const readiness: Readiness = { isStopping: false };
  app.decorate('readiness', readiness);
  app.decorate('importReserved', () => catalog.importReserved());
  app.addHook('preClose', async () => {
    readiness.isStopping = true;
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request;
    const milliseconds = Math.round(reply.elapsedTime);
    const route = request.routeOptions.url ?? 'none';
    context.metrics.apiSeconds.observe(
      { method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    const level = method === 'GET' || method === 'HEAD' ? 'debug' : 'info';
    request.log[level]({ method, url, status: reply.statusCode, milliseconds }, 'request answered');
  });
  stopConnections(app, context.settings.graceMs, readiness);
  installProblemHandlers(app);
  installJsonParser(app);
  await app.register(cookie);
  await installSecurityHeaders(app, context.settings);
  limitBodyTime(app, times.bodyMs);
  installOverload(app, context.metrics.loopDelay);
  installAccess(app, context);
  await installRateLimit(app, context);
  await installOpenApi(app, context.version);

  const withCatalog = { ...context, catalog };
  await app.register(async (routes) => {
    await experimentRoutes(routes, withCatalog);
    await planRoutes(routes, withCatalog);
    await datasetRoutes(routes, withCatalog);
    await eventRoutes(routes, context);
    await tileRoutes(routes, context);
    await historyRoutes(routes, context);
    await clusterRoutes(routes, context);
    await analysisRoutes(routes, context);
    await trainingRoutes(routes, context);
    await arrayRoutes(routes, context);
    await matrixRoutes(routes, context);
    await provenanceRoutes(routes, context);
    await theoryRoutes(routes);
    await operationRoutes(routes, context);
    await accessRoutes(routes, context);
    await archiveRoutes(routes, context);
    await healthRoutes(routes, { ...context, readiness });
    await dashboardRoutes(routes);
  });
  return app;
}
