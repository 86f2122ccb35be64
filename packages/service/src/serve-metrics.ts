import { createServer, type Server } from 'node:http';
import type { Service } from './open-service.js';

/** Serves `/metrics` and `/healthz` of a process that has no API, where a port is set. */
export async function serveMetrics({ settings, metrics, logger }: Service): Promise<Server | null> {
  const { metricsPort: port, host } = settings;
  if (port === null) return null;
  const server = createServer((request, response) => {
    if (request.url === '/healthz') {
      response.end('ok');
      return;
    }
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    metrics.registry.metrics().then(
      (text) => response.setHeader('content-type', metrics.registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.unref();
  logger.info({ address: server.address() }, 'serving metrics');
  return server;
}
