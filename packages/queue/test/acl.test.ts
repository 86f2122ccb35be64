/** The rights that docs/redis.md gives Tessera's user are enough for everything the queue does, and no more than it needs. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { canStartRedis, type RedisNode, startRedisNode, tellRedis } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobQueue, openQueue } from '../src/index.js';

const page = await readFile(new URL('../../../docs/redis.md', import.meta.url), 'utf8');
const rule = /^ACL SETUSER (tessera .*?)$/ms.exec(page.replaceAll('\\\n', ''))?.[1] ?? '';
const job = (task: number) => ({ task: BigInt(task), generation: 1 });

describe.runIf(canStartRedis())('a Redis user with the documented rights', () => {
  let redis: RedisNode;
  const opened: JobQueue[] = [];
  beforeAll(async () => {
    redis = await startRedisNode([]);
    const words = rule.replace('PASSWORD', 'secret').split(/\s+/);
    expect(await tellRedis(redis.port, ['ACL', 'SETUSER', ...words])).toMatch(/^\+OK/);
    // Refused where the server is too old to have it, and then nobody asks for it.
    await tellRedis(redis.port, ['ACL', 'SETUSER', 'tessera', '+client|setinfo']);
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await redis?.stop();
  });
  const open = async () => {
    const queue = await openQueue({
      redisUrl: `redis://tessera:secret@127.0.0.1:${redis.port}`,
      databaseUrl: '',
      prefix: 'tessera-a1b2',
      onError: () => {},
    });
    opened.push(queue);
    return queue;
  };
  const until = async (isTrue: () => boolean | Promise<boolean>) => {
    while (!(await isTrue())) await sleep(20);
  };

  it('adds, delivers, counts, looks for and ends jobs, and is refused nothing', async () => {
    const [producer, consumer] = [await open(), await open()];
    const seen: bigint[] = [];
    await consumer.consume('tiles', 2, async ({ task }) => void seen.push(task));
    await producer.ping();
    await producer.add(
      'tiles',
      Array.from({ length: 20 }, (_, index) => job(index)),
    );
    await until(() => seen.length === 20);
    await until(async () => (await producer.locate('tiles', [job(3)])).lost.length === 1);
    expect(await producer.depth('tiles')).toEqual({ waiting: 0, active: 0 });

    const refused = await tellRedis(redis.port, ['ACL', 'LOG', '100']);
    expect(refused, 'commands that were refused').toMatch(/^\*0/);
  });

  it('reads no other key, and runs nothing dangerous', async () => {
    const login = ['AUTH', 'tessera', 'secret'];
    for (const words of [
      ['GET', 'others:key'],
      ['SET', '{tessera', 'x'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['KEYS', '*'],
      ['ACL', 'LIST'],
      ['SHUTDOWN'],
    ])
      expect(await tellRedis(redis.port, login, words), words.join(' ')).toMatch(/NOPERM/);
  });
});
