import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchLoopDelay } from '@tessera/telemetry';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailureCounter } from '../src/access/failure-counter.js';
import { networkOf } from '../src/access/network.js';
import { installOverload } from '../src/overload.js';
import { receiveUpload, uploadPace } from '../src/upload.js';
import { createTiny } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

const bodyMs = 300;
let api: RunningApi;
let port: number;
beforeAll(async () => {
  api = await runApi({
    settings: { eventStreams: 3 },
    times: { headersMs: 300, bodyMs, idleMs: 60_000, checkMs: 100 },
  });
  await uploadTiny(api);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = api.app.server.address() as { port: number });
});
afterAll(() => api?.close());

/** Sends text and waits for the server to close the connection. */
const exchange = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes;
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });

describe('clients that send slowly', () => {
  it('are cut off while they still send headers', async () => {
    const answer = await exchange('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('are cut off while they still send a body', async () => {
    const head =
      'POST /v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n';
    const answer = await exchange(`${head}{"name"`);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toMatch(/request-timeout/);
  });

  it('lose an upload that comes with less than the least rate', async () => {
    const body = new PassThrough();
    const trickle = setInterval(() => body.write('x'), 20);
    const pace = { ...uploadPace, whileMs: 200, bytesPerSecond: 1000 };
    const settings = { dataDir: api.dataDir, maxUploadBytes: 1000 };
    await expect(receiveUpload(settings, body, undefined, pace)).rejects.toMatchObject({
      code: 'request-timeout',
      message: expect.stringMatching(/less than 1000 bytes a second/),
    });
    clearInterval(trickle);
  });
});

describe('event streams', () => {
  it('are as many as the setting says, and the next one is told to come later', async () => {
    const { links } = await createTiny(api);
    const url = `http://127.0.0.1:${port}${links.events}`;
    const abort = new AbortController();
    // Kept: a response that nobody holds is cancelled.
    const held = await Promise.all([1, 2, 3].map(() => fetch(url, { signal: abort.signal })));
    expect(held.map(({ status }) => status)).toEqual([200, 200, 200]);
    const one = await fetch(url, { signal: abort.signal });
    expect([one.status, one.headers.get('retry-after')]).toEqual([503, '2']);
    abort.abort();
    const again = async () => {
      const response = await fetch(url);
      await response.body?.cancel();
      return response.status;
    };
    await expect.poll(again, { timeout: 10_000 }).toBe(200);
  });

  it('go on for longer than a body may take', async () => {
    const { id, links } = await createTiny(api);
    const { body } = await fetch(`http://127.0.0.1:${port}${links.events}`);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await sleep(3 * bodyMs);
    expect((await api.app.inject({ method: 'POST', url: `/v1/experiments/${id}/cancel` })).statusCode).toBe(
      202,
    );
    let told = '';
    while (!told.includes('"state":"cancel')) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`The stream ended after ${told}`);
      told += Buffer.from(value).toString();
    }
    await reader.cancel();
  });
});

describe('a process that is behind', () => {
  it('answers 503 with Retry-After, and health all the same', async () => {
    const app = Fastify();
    installOverload(app, watchLoopDelay(), 1);
    app.get('/healthz', async () => 'ok');
    app.get('/v1/experiments', async () => 'ok');
    await app.ready();
    const statusOf = async (url: string) => {
      const end = performance.now() + 50;
      while (performance.now() < end);
      return (await app.inject({ url })).statusCode;
    };
    await expect.poll(() => statusOf('/v1/experiments'), { timeout: 20_000, interval: 50 }).toBe(503);
    const shed = await app.inject({ url: '/v1/experiments' });
    if (shed.statusCode === 503) expect(shed.headers['retry-after']).toBe('2');
    expect(await statusOf('/healthz')).toBe(200);
    await app.close();
  });
});

describe('requests of one client', () => {
  it('are as many a minute as the setting says, health apart', async () => {
    const limited = await runApi({ settings: { rateLimit: 3, auth: 'required' } });
    try {
      const statuses = [];
      for (let i = 0; i < 5; i++) statuses.push((await limited.get('/v1/session')).statusCode);
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      const refused = await limited.get('/v1/session');
      expect(refused.json().code).toBe('rate-limited');
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect((await limited.get('/healthz')).statusCode).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('are told apart by IPv4 address and by IPv6 network', () => {
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe(networkOf('2001:db8:1:2::9'));
    expect(networkOf('2001:db8:1:3::9')).not.toBe(networkOf('2001:db8:1:2::9'));
    const counter = new FailureCounter();
    for (let i = 0; i < 20; i++) counter.count('2001:db8::1');
    expect(() => counter.refuse('2001:db8::2')).toThrow(/20 failed/);
    expect(() => counter.refuse('2001:db8:1::2')).not.toThrow();
  });
});

it('other origins read nothing unless the setting names them', async () => {
  const preflight = (headers: Record<string, string>) => ({
    method: 'OPTIONS' as const,
    url: '/v1/experiments',
    headers: { origin: 'https://notebooks.example.org', 'access-control-request-method': 'POST', ...headers },
  });
  expect((await api.inject(preflight({}))).headers['access-control-allow-origin']).toBeUndefined();
  const open = await runApi({ settings: { corsOrigins: ['https://notebooks.example.org'] } });
  try {
    const allowed = await open.inject(preflight({}));
    expect(allowed.headers['access-control-allow-origin']).toBe('https://notebooks.example.org');
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined();
    const other = await open.inject(preflight({ origin: 'https://evil.example' }));
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  } finally {
    await open.close();
  }
});
