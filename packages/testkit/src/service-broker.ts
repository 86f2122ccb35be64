/** Starts each service that tests ask for once, in the test run's main process, when it is first asked for. */
import { createServer, type Server } from 'node:http';
import { loadSettings, type Settings } from '@tessera/config';
import {
  type RunningService,
  startTestPostgres,
  startTestRedis,
  startTestS3,
  startToxiproxy,
} from './start-services.js';

export type ServiceName = 'postgres' | 'redis' | 's3' | 'toxiproxy';
/** The answer to a request for a service. */
export type ServiceAnswer = { url: string } | { error: string };

export interface ServiceBroker {
  readonly url: string;
  close(): Promise<void>;
}

const starters: Record<ServiceName, (settings: Settings) => Promise<RunningService>> = {
  postgres: startTestPostgres,
  redis: startTestRedis,
  s3: startTestS3,
  toxiproxy: startToxiproxy,
};

/** Serves `GET /NAME` of every service on a free local port. */
export async function startServiceBroker(): Promise<ServiceBroker> {
  const { settings } = loadSettings(process.env);
  const started = new Map<ServiceName, Promise<RunningService>>();
  const server = createServer(async (request, response) => {
    const name = request.url?.slice(1) as ServiceName;
    let answer: ServiceAnswer;
    try {
      const service = started.get(name) ?? starters[name](settings);
      started.set(name, service);
      answer = { url: (await service).url };
    } catch (error) {
      answer = { error: (error as Error).message };
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  const port = await listenLocally(server);
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      for (const service of started.values()) await (await service.catch(() => null))?.stop();
    },
  };
}

function listenLocally(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}
