import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { testPostgres } from '@tessera/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen, standForLeader } from '../src/index.js';

let url: string;
let drop: () => Promise<void>;
let admin: pg.Client;
beforeAll(async () => {
  ({ url, drop } = await testPostgres());
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await drop?.();
});

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(20);
  }
}

/** Postgres behind a door that can be shut: then every attempt is counted and refused. */
async function door(): Promise<{
  url: string;
  attempts: () => number;
  shut(): void;
  open(): void;
  close(): void;
}> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let attempts = 0;
  const server: Server = createServer((socket) => {
    attempts++;
    socket.on('error', () => {});
    if (!isOpen) return void socket.destroy();
    const onward = connect(Number(to.port || 5432), to.hostname.replace(/[[\]]/g, ''));
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('close', () => sockets.delete(end));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    attempts: () => attempts,
    shut() {
      isOpen = false;
      cut();
    },
    open() {
      isOpen = true;
    },
    close() {
      cut();
      server.close();
    },
  };
}

describe('listening', () => {
  it('connects again, one attempt at a time, when Postgres was away', async () => {
    const postgres = await door();
    const heard: string[] = [];
    let reconnected = 0;
    const listener = await listen(postgres.url, ['tessera_work'], (_, payload) => heard.push(payload), {
      onReconnect: () => reconnected++,
    });
    await admin.query(`SELECT pg_notify('tessera_work', 'before')`);
    await until(() => heard.includes('before'));
    postgres.shut();
    const shutAt = postgres.attempts();
    await sleep(2700);
    expect(postgres.attempts() - shutAt).toBeGreaterThanOrEqual(3);
    expect(postgres.attempts() - shutAt).toBeLessThanOrEqual(6);
    postgres.open();
    await until(() => reconnected === 1);
    await admin.query(`SELECT pg_notify('tessera_work', 'after')`);
    await until(() => heard.includes('after'));
    expect(heard).toEqual(['before', 'after']);
    await listener.close();
    const closedAt = postgres.attempts();
    await sleep(700);
    expect(postgres.attempts()).toBe(closedAt);
    postgres.close();
  });

  it('gives up at once, and for good, where Postgres is not there to begin with', async () => {
    const postgres = await door();
    postgres.shut();
    await expect(listen(postgres.url, ['tessera_work'], () => {})).rejects.toThrow();
    await sleep(700);
    expect(postgres.attempts()).toBe(1);
    postgres.close();
  });
});

describe('leadership', () => {
  it('is held by one, and passes on when its holder resigns or is cut off', async () => {
    const postgres = await door();
    const [first, second] = [standForLeader(postgres.url), standForLeader(url)];
    expect(await first.campaign()).toBe(true);
    expect(await second.campaign()).toBe(false);
    postgres.shut();
    await until(() => !first.isLeader());
    await until(() => second.campaign());
    postgres.open();
    expect(await first.campaign()).toBe(false);
    await second.resign();
    await until(() => first.campaign());
    expect(await first.campaign()).toBe(true);
    await first.resign();
    postgres.close();
  });
});
