import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Experiment, type ExperimentState, parseSpec } from '@tessera/spec';
import { runCli } from '../src/index.js';

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;
export interface StubApi {
  url: string;
  requests: string[];
  close(): Promise<void>;
}

/** An HTTP server that answers each "METHOD /path" as a test says, and 404 otherwise. */
export async function stubApi(routes: Record<string, Handler | unknown>): Promise<StubApi> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const route = `${request.method} ${request.url}`;
    requests.push(route);
    const handler = routes[route] ?? routes[route.replace(/\?.*/, '')];
    if (typeof handler === 'function') return (handler as Handler)(request, response, body);
    if (handler !== undefined) return sendJson(response, handler);
    return sendJson(
      response,
      { code: 'not-found', status: 404, detail: 'There is no such experiment.' },
      404,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Answers with events, as `/v1/experiments/{id}/events` does. */
export function events(...list: [event: string, data: unknown][]): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [i, [event, data]] of list.entries()) {
      response.write(`event: ${event}\nid: ${i}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  };
}

const wave = (done: number) => ({ total: 10, done, failed: 0, running: 0 });
export const progressAt = (done: number) => ({
  tiles: wave(done),
  analyses: wave(done),
  strips: wave(0),
  secondsLeft: 8,
});

export function experimentIn(state: ExperimentState, changes: Partial<Experiment> = {}): Experiment {
  return {
    id: 'e1',
    name: 'first',
    state,
    project: 'default',
    createdBy: null,
    createdAt: '2026-03-01T14:02:00.123Z',
    startedAt: '2026-03-01T14:02:01.000Z',
    finishedAt: state === 'running' ? null : '2026-03-01T14:04:06.000Z',
    spec: parseSpec({
      name: 'first',
      dataset: { id: 'cifar10', train: 4 },
      architecture: { family: 'fcn', activation: { name: 'erf' } },
      grid: { weightVariance: [1.5], biasVariance: [0.05], depth: [0, 1] },
    }),
    progress: progressAt(10),
    error: null,
    paused: null,
    links: {
      self: '',
      events: '',
      analyses: '',
      trainings: '',
      trainingsCsv: '',
      analysesCsv: '',
      arrays: '',
    },
    ...changes,
  };
}

/** Runs the command line and captures what it writes. */
export async function tessera(
  args: string[],
  options: { url?: string; stdin?: string } = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const writer = (name: keyof typeof written) => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const streams = {
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
    stdout: writer('stdout'),
    stderr: writer('stderr'),
  };
  const exitCode = await runCli(args, streams, options.url ?? 'http://127.0.0.1:9');
  return { exitCode, ...written };
}
