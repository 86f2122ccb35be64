import { createServer, type Server } from 'node:http';
import type { Service } from './open-service.js';

/**
 * Serves `/metrics` and `/healthz` for who watches the process, where a port is set. No key is asked for: the port belongs
 * on a network of the operator's.
 * @param text what `/metrics` says; left out: what the process counts itself
 */
export async function serveMetrics(
  { settings, metrics, logger }: Pick<Service, 'settings' | 'metrics' | 'logger'>,
  text: () => Promise<string> = () => metrics.registry.metrics(),
): Promise<Server | null> {
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
    text().then(
      (body) => response.setHeader('content-type', metrics.registry.contentType).end(body),
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
