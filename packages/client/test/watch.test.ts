import type { ServerResponse } from 'node:http';
import { TesseraError } from '@tessera/spec';
import { afterEach, expect, it } from 'vitest';
import { ConnectionError, TesseraClient } from '../src/index.js';
import { type AnsweringServer, answer, itemsOf, json } from './answering-server.js';

let server: AnsweringServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const open = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });
const send = (response: ServerResponse, event: string, revision: number, data: unknown) =>
  response.write(`: heartbeat\n\nevent: ${event}\nid: ${revision}\ndata: ${JSON.stringify(data)}\n\n`);
const state = (name: string) => ({ id: '1', state: name, error: null });

it('yields state and progress until the experiment ends, and then stops', async () => {
  server = await answer((_request, response) => {
    open(response);
    send(response, 'state', 1, state('running'));
    send(response, 'progress', 2, { secondsLeft: 3 });
    send(response, 'state', 3, state('completed'));
  });
  const events = await itemsOf(new TesseraClient(server.url).watch('1'));
  expect(events).toEqual([
    { event: 'state', revision: '1', data: state('running') },
    { event: 'progress', revision: '2', data: { secondsLeft: 3 } },
    { event: 'state', revision: '3', data: state('completed') },
  ]);
});

it('connects again after a lost connection, from the last revision it saw', async () => {
  const lastSeen: unknown[] = [];
  server = await answer((request, response) => {
    lastSeen.push(request.headers['last-event-id']);
    if (lastSeen.length === 2) return json(response, { code: 'unavailable', detail: 'starting' }, 503);
    open(response);
    if (lastSeen.length === 1) {
      send(response, 'state', 7, state('running'));
      setTimeout(() => response.destroy(), 20);
    } else send(response, 'state', 9, state('failed'));
  });
  const lost: Error[] = [];
  const client = new TesseraClient(server.url);
  const events = await itemsOf(client.watch('1', { onReconnect: (error) => lost.push(error) }));
  expect(events.map(({ revision }) => revision)).toEqual(['7', '9']);
  expect(lastSeen).toEqual([undefined, '7', '7']);
  expect(lost).toHaveLength(2);
});

it('fails at once where the first connection fails', async () => {
  server = await answer(() => {});
  const client = new TesseraClient(server.url);
  await server.close();
  await expect(itemsOf(client.watch('1'))).rejects.toThrow(ConnectionError);
});

it('gives up when the server stays away', async () => {
  server = await answer((_request, response) => {
    open(response);
    send(response, 'state', 1, state('running'));
    setTimeout(() => void server?.close(), 20);
  });
  const events = new TesseraClient(server.url).watch('1', { reconnectMs: 300 });
  await events.next();
  await expect(events.next()).rejects.toThrow(ConnectionError);
});

it('fails for an experiment that does not exist', async () => {
  server = await answer((_request, response) => json(response, { code: 'not-found', detail: 'no' }, 404));
  await expect(itemsOf(new TesseraClient(server.url).watch('1'))).rejects.toThrow(TesseraError);
});

it('stops when its signal aborts', async () => {
  server = await answer((_request, response) => {
    open(response);
    send(response, 'state', 1, state('running'));
  });
  const abort = new AbortController();
  const events = new TesseraClient(server.url).watch('1', { signal: abort.signal });
  await events.next();
  abort.abort();
  await expect(events.next()).rejects.toThrow('aborted');
});
