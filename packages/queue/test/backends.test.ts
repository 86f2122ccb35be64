import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  canStartRedis,
  queueBackends,
  startRedisCluster,
  startRedisSentinels,
  testPostgres,
  testRedisUrl,
} from '@tessera/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type JobQueue, openQueue, type QueueOptions, type TaskJob } from '../src/index.js';

const job = (task: number, generation = 1): TaskJob => ({ task: BigInt(task), generation });

async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 90_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(20);
  }
}

const places = [
  ...queueBackends(),
  ...(canStartRedis() ? (['redis behind sentinels', 'a redis cluster'] as const) : []),
];

describe.each(places)('job delivery on %s', (place) => {
  const backend = place === 'postgres' ? 'postgres' : 'redis';
  let databaseUrl: string;
  let drop: () => Promise<void>;
  let options: QueueOptions;
  const open: JobQueue[] = [];
  let stop = async () => {};

  async function startPlace(): Promise<string | null> {
    if (place === 'postgres') return null;
    if (place === 'redis') return testRedisUrl();
    const started = await (place === 'a redis cluster' ? startRedisCluster() : startRedisSentinels());
    stop = () => started.stop();
    return started.url;
  }

  beforeAll(async () => {
    const postgres = await testPostgres();
    databaseUrl = postgres.url;
    drop = postgres.drop;
    const redisUrl = await startPlace();
    options = { redisUrl, databaseUrl, prefix: `test-${randomUUID()}`, onError: () => {} };
  });
  afterEach(async () => {
    for (const queue of open.splice(0)) await queue.close();
  });
  afterAll(async () => {
    await stop();
    await drop?.();
  });

  async function queue(): Promise<JobQueue> {
    const opened = await openQueue(options);
    open.push(opened);
    return opened;
  }

  it('delivers every job of both queues to a consumer of that queue', async () => {
    const producer = await queue();
    expect(producer.backend).toBe(backend);
    const consumer = await queue();
    const seen = { tiles: new Set<bigint>(), analyses: new Set<bigint>() };
    for (const name of ['tiles', 'analyses'] as const) {
      await consumer.consume(name, 4, async ({ task }) => {
        seen[name].add(task);
      });
    }
    await producer.add(
      'tiles',
      Array.from({ length: 50 }, (_, index) => job(index)),
    );
    await producer.add('analyses', [job(1000)]);
    await until(() => seen.tiles.size === 50 && seen.analyses.size === 1);
    await until(async () => {
      const { waiting, active } = await producer.depth('tiles');
      return waiting + active === 0;
    });
  });

  it('takes a job again under the same id once it has ended', async () => {
    const both = await queue();
    let deliveries = 0;
    await both.consume('tiles', 1, async () => {
      deliveries++;
    });
    await both.add('tiles', [job(1)]);
    await until(() => deliveries === 1);
    await until(async () => (await both.locate('tiles', [job(1)])).lost.length === 1);
    await both.add('tiles', [job(1)]);
    await until(() => deliveries === 2);
  });

  it('names the jobs it does not hold, and those in hand', async () => {
    const producer = await queue();
    await producer.add('tiles', [job(7)]);
    const jobs = [job(7), job(7, 2), job(8)];
    expect(await producer.locate('tiles', jobs)).toEqual({ lost: [job(7, 2), job(8)], inHand: [] });
    await producer.ping();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    await (await queue()).consume('tiles', 1, () => ended);
    await until(async () => (await producer.locate('tiles', [job(7)])).inHand.length === 1);
    end();
    await until(async () => (await producer.locate('tiles', [job(7)])).lost.length === 1);
  });

  it('works on no more jobs at a time than it was told', async () => {
    const both = await queue();
    let running = 0;
    let most = 0;
    let done = 0;
    await both.consume('analyses', 2, async () => {
      running++;
      most = Math.max(most, running);
      await sleep(30);
      running--;
      done++;
    });
    await both.add(
      'analyses',
      Array.from({ length: 8 }, (_, index) => job(2000 + index)),
    );
    await until(() => done === 8);
    expect(most).toBe(2);
  });

  it('finishes what is in hand when it closes', async () => {
    const both = await queue();
    let finished = false;
    let started = false;
    const consumer = await both.consume('tiles', 1, async () => {
      started = true;
      await sleep(200);
      finished = true;
    });
    await both.add('tiles', [job(3000)]);
    await until(() => started);
    await consumer.close();
    expect(finished).toBe(true);
  });
});
