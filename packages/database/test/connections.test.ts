import { setTimeout as sleep } from 'node:timers/promises';
import { openDoor, testPostgres } from '@tessera/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDatabaseAway, listen, openDatabase, standForLeader } from '../src/index.js';

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
  const deadline = performance.now() + 90_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(20);
  }
}

describe('listening', () => {
  it('connects again, one attempt at a time, when Postgres was away', async () => {
    const postgres = await openDoor(url);
    const heard: string[] = [];
    let reconnected = 0;
    const listener = await listen(postgres.url, ['tessera_work'], (_, payload) => heard.push(payload), {
      onReconnect: () => reconnected++,
    });
    await admin.query(`SELECT pg_notify('tessera_work', 'before')`);
    await until(() => heard.includes('before'));
    postgres.shut();
    const [shutAt, since] = [postgres.attempts(), performance.now()];
    await until(() => postgres.attempts() - shutAt >= 4);
    // Half a second from one to the next, however long each takes.
    expect(postgres.attempts() - shutAt).toBeLessThanOrEqual((performance.now() - since) / 500 + 1);
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
    const postgres = await openDoor(url);
    postgres.shut();
    await expect(listen(postgres.url, ['tessera_work'], () => {})).rejects.toThrow();
    await sleep(700);
    expect(postgres.attempts()).toBe(1);
    postgres.close();
  });
});

describe('leadership', () => {
  it('is held by one, and passes on when its holder resigns or is cut off', async () => {
    const postgres = await openDoor(url);
    const [first, second] = [standForLeader(postgres.url, 30_000), standForLeader(url, 30_000)];
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

describe('a half-open connection', () => {
  it('is given up by the statement that waits on it, and the next one takes another', async () => {
    const postgres = await openDoor(url);
    const db = openDatabase(postgres.url, { connections: 1, statementMs: 500 });
    await db.pool.query('SELECT 1');
    postgres.freeze();
    const failure = await db.pool.query('SELECT 1').catch((error: unknown) => error);
    expect(isDatabaseAway(failure)).toBe(true);
    expect((await db.pool.query('SELECT 2 AS n')).rows).toEqual([{ n: 2 }]);
    postgres.close();
    await db.close();
  });

  it('takes the lead away once its holder has said nothing for its time', async () => {
    const postgres = await openDoor(url);
    const [first, second] = [standForLeader(postgres.url, 1000), standForLeader(url, 1000)];
    expect(await first.campaign()).toBe(true);
    postgres.freeze();
    await until(() => second.campaign());
    await until(async () => !(await first.campaign()));
    await second.resign();
    await first.resign();
    postgres.close();
  });
});
