/** Redis behind TLS with a certificate that only our own authority vouches for, and that holds a name and no address. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  canStartRedis,
  findOnPath,
  makeTestAuthority,
  type RedisNode,
  startRedisCluster,
  startRedisNode,
  startRedisSentinels,
  type TestAuthority,
} from '@tessera/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type JobQueue, openQueue } from '../src/index.js';

const isReady = canStartRedis() && findOnPath('openssl') !== null;
if (!isReady && process.env.CI === 'true') throw new Error('redis-server or openssl is not on PATH.');

describe.skipIf(!isReady)('Redis over TLS (needs redis-server and openssl)', () => {
  let authority: TestAuthority;
  let server: RedisNode;
  const open: JobQueue[] = [];
  beforeAll(async () => {
    authority = makeTestAuthority();
    server = await startRedisNode([], false, authority);
  });
  afterEach(async () => {
    for (const queue of open.splice(0)) await queue.close();
  });
  afterAll(async () => {
    await server?.stop();
    authority?.remove();
  });

  async function openAt(
    redisUrl: string,
    onError: (error: Error) => void = () => {},
    redisCa: string | null = authority.ca,
  ) {
    const queue = await openQueue({ redisUrl, redisCa, databaseUrl: '', prefix: 'tls-test', onError });
    open.push(queue);
    return queue;
  }
  const serverUrl = () => `rediss://localhost:${server.tlsPort}`;

  /** Adds a task, and waits until it is delivered. */
  async function expectDelivery(producer: JobQueue, seen: ReadonlySet<bigint>, task: bigint) {
    const deadline = performance.now() + 90_000;
    while (!seen.has(task)) {
      if (performance.now() > deadline) throw new Error('it was not delivered in time');
      await producer.add('tiles', [{ task, generation: 1 }]).catch(() => {});
      await sleep(100);
    }
  }

  it('is used with the authority that vouches for it', async () => {
    const queue = await openAt(serverUrl());
    await queue.ping();
    await queue.add('tiles', [{ task: 1n, generation: 1 }]);
    expect((await queue.depth('tiles')).waiting).toBe(1);
  });

  it('delivers behind sentinels, and goes to the promoted server when the primary dies', async () => {
    const sentinels = await startRedisSentinels(authority);
    try {
      const [producer, consumer] = [await openAt(sentinels.url), await openAt(sentinels.url)];
      const seen = new Set<bigint>();
      await consumer.consume('tiles', 1, async ({ task }) => void seen.add(task));
      await expectDelivery(producer, seen, 1n);
      const before = await sentinels.primary();
      await sentinels.killPrimary();
      while ((await sentinels.primary()) === before) await sleep(50);
      await expectDelivery(producer, seen, 2n);
    } finally {
      for (const queue of open.splice(0)) await queue.close();
      await sentinels.stop();
    }
  }, 120_000);

  it('delivers in a cluster', async () => {
    const cluster = await startRedisCluster(authority);
    try {
      const [producer, consumer] = [await openAt(cluster.url), await openAt(cluster.url)];
      const seen = new Set<bigint>();
      await consumer.consume('tiles', 1, async ({ task }) => void seen.add(task));
      await expectDelivery(producer, seen, 1n);
    } finally {
      for (const queue of open.splice(0)) await queue.close();
      await cluster.stop();
    }
  }, 120_000);

  // Last: what is refused tries again until the process ends.
  it('is refused without it', async () => {
    const problem = new Promise<Error>((resolve) => {
      void openAt(serverUrl(), resolve, null).catch(() => {});
    });
    expect((await problem).message).toMatch(/self-signed|unable to verify|unable to get/);
  });

  it('is refused by an address that its certificate does not hold', async () => {
    const problem = new Promise<Error>((resolve) => {
      void openAt(`rediss://127.0.0.1:${server.tlsPort}`, resolve).catch(() => {});
    });
    expect((await problem).message).toMatch(/does not match certificate/);
  });
});
