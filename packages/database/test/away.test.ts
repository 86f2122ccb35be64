import { openDoor, testPostgres } from '@tessera/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Database,
  findExperiment,
  inTransaction,
  isDatabaseAway,
  migrate,
  openDatabase,
} from '../src/index.js';

let db: Database;
let cut: () => void;
let shut: () => void;
const closing: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  const postgres = await testPostgres({ name: 'migrated', prepare: migrate });
  const door = await openDoor(postgres.url);
  db = openDatabase(door.url);
  ({ cut, shut } = door);
  closing.push(() => db.close(), door.close, postgres.drop);
});
afterAll(async () => {
  for (const close of closing) await close();
});

const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

it('an error of the statement is none of the database being away', async () => {
  expect(isDatabaseAway(await failure(db.pool.query('SELECT 1 / 0')))).toBe(false);
  expect(isDatabaseAway(await failure(db.pool.query('SELECT nothing FROM nowhere')))).toBe(false);
  expect(isDatabaseAway(new TypeError('undefined is not a function'))).toBe(false);
  expect(isDatabaseAway(null)).toBe(false);
});

it('a connection cut off in the middle of a statement or a transaction is', async () => {
  await db.pool.query('SELECT 1');
  const statement = failure(db.pool.query('SELECT pg_sleep(5)'));
  const transaction = failure(inTransaction(db, (client) => client.query('SELECT pg_sleep(5)')));
  await new Promise((resolve) => setTimeout(resolve, 300));
  cut();
  expect(isDatabaseAway(await statement)).toBe(true);
  expect(isDatabaseAway(await transaction)).toBe(true);
});

it('a backend that is told to end is, through Prisma too', async () => {
  const killer = new Error('wrapped', { cause: Object.assign(new Error('x'), { code: '57P01' }) });
  expect(isDatabaseAway(killer)).toBe(true);
  const prisma = Object.assign(new Error('P2039'), {
    code: 'P2039',
    meta: { driverAdapterError: { cause: { code: '57P03', message: 'not yet accepting connections' } } },
  });
  expect(isDatabaseAway(prisma)).toBe(true);
});

it('a refused connection is, by pg and by Prisma', async () => {
  shut();
  expect(isDatabaseAway(await failure(db.pool.query('SELECT 1')))).toBe(true);
  expect(isDatabaseAway(await failure(findExperiment(db, 'x')))).toBe(true);
});
