import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
let base: string;
const open: AbortController[] = [];
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
});
afterEach(() => {
  for (const controller of open.splice(0)) controller.abort();
});
afterAll(() => api?.close());

interface Event {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** A client of the stream: the events that came so far, and a way to wait for one. */
async function connect(path: string) {
  const abort = new AbortController();
  open.push(abort);
  const response = await fetch(`${base}${path}`, { signal: abort.signal });
  const events: Event[] = [];
  let hasEnded = false;
  const reading = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() as string;
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
        if (fields.event) events.push({ id: fields.id, event: fields.event, data: JSON.parse(fields.data) });
      }
    }
  })().catch(() => {});
  void reading.then(() => {
    hasEnded = true;
  });
  return {
    response,
    events,
    abort: () => abort.abort(),
    hasEnded: () => hasEnded,
    async until(isThere: () => boolean, withinMs = 60_000) {
      const deadline = performance.now() + withinMs;
      while (!isThere()) {
        if (performance.now() > deadline) throw new Error(`it did not come: ${JSON.stringify(events)}`);
        await sleep(10);
      }
    },
  };
}

describe('GET /v1/experiments/{id}/events', () => {
  it('sends state and progress at once, with the revision as id', async () => {
    const { id, links } = await createTiny(api);
    const client = await connect(links.events);
    expect(client.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await client.until(() => client.events.length === 2);
    expect(client.events).toMatchObject([
      { id: '0', event: 'state', data: { id, state: 'queued', error: null } },
      { id: '0', event: 'progress', data: { tiles: { total: 2, done: 0 }, secondsLeft: null } },
    ]);
  });

  it('tells changes to every client, soon after they are notified', async () => {
    const { id, links } = await createTiny(api);
    const clients = await Promise.all([connect(links.events), connect(links.events)]);
    for (const client of clients) await client.until(() => client.events.length === 2);
    await setState(api, id, 'running');
    await finishKernel(api, id, 0);
    const startedAt = performance.now();
    for (const client of clients) {
      await client.until(() =>
        client.events.some((event) => event.event === 'state' && event.data.state === 'running'),
      );
      await client.until(() =>
        client.events.some(
          (event) => event.event === 'progress' && (event.data.analyses as { done: number }).done === 6,
        ),
      );
      const revisions = client.events.map((event) => Number(event.id));
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    }
    expect(performance.now() - startedAt).toBeLessThan(1900);
  });

  it('finds by polling what was not notified', async () => {
    const { id, links } = await createTiny(api);
    const client = await connect(links.events);
    await api.db.pool.query(
      `UPDATE experiments SET state = 'running', revision = revision + 1 WHERE id = $1`,
      [id],
    );
    await client.until(() => client.events.some((event) => event.data.state === 'running'));
  });

  it('sends progress at most about four times a second', async () => {
    const { id, links } = await createTiny(api);
    await setState(api, id, 'running');
    const client = await connect(links.events);
    await client.until(() => client.events.length === 2);
    const startedAt = performance.now();
    for (let i = 0; i < 100; i++) {
      await api.db.pool.query(
        `WITH changed AS (UPDATE experiments SET revision = revision + 1, analyses_done = $2 WHERE id = $1)
         SELECT pg_notify('tessera_experiment', $1)`,
        [id, i % 12],
      );
      await sleep(10);
    }
    await client.until(() => client.events.at(-1)?.id === '101');
    const seconds = (performance.now() - startedAt) / 1000;
    expect(client.events.length - 2).toBeLessThanOrEqual(Math.ceil(4 * seconds) + 1);
  });

  it('gives a returning client the snapshot of now', async () => {
    const { id, links } = await createTiny(api);
    const first = await connect(links.events);
    await first.until(() => first.events.length === 2);
    first.abort();
    await setState(api, id, 'completed');
    const second = await connect(links.events);
    await second.until(() => second.events.length === 2);
    expect(second.events).toMatchObject([
      { id: '1', event: 'state', data: { state: 'completed' } },
      { id: '1', event: 'progress', data: { secondsLeft: 0 } },
    ]);
  });

  it('ends when the experiment is deleted', async () => {
    const { id, links } = await createTiny(api);
    await setState(api, id, 'completed');
    const client = await connect(links.events);
    await client.until(() => client.events.length === 2);
    expect((await api.inject({ method: 'DELETE', url: links.self })).statusCode).toBe(204);
    await client.until(client.hasEnded);
  });

  it('answers 404 for no experiment and 405 to HEAD', async () => {
    expect((await api.get('/v1/experiments/nothing/events')).statusCode).toBe(404);
    const { links } = await createTiny(api);
    expect((await api.inject({ method: 'HEAD', url: links.events })).statusCode).toBe(405);
  });

  it('does not keep the server from closing', async () => {
    const own = await runApi();
    try {
      await uploadTiny(own);
      const { links } = await createTiny(own);
      await own.app.listen({ host: '127.0.0.1', port: 0 });
      const { port } = own.app.server.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}${links.events}`);
      const text = response.text();
      const startedAt = performance.now();
      await own.app.close();
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(await text).toMatch(/event: state/);
    } finally {
      await own.close();
    }
  });
});
