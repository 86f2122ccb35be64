import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCable, queueBackends, testRedisUrl } from '@tessera/testkit';
import { describe, expect, it } from 'vitest';
import { openQueue } from '../src/index.js';

describe.runIf(queueBackends().includes('redis'))('while Redis is away', () => {
  it('says so within seconds, delivers again when it is back, and closes in any case', async () => {
    const redis = await openCable(await testRedisUrl());
    const errors: Error[] = [];
    const options = { redisUrl: redis.url, databaseUrl: '', prefix: `test-${randomUUID()}` };
    const queue = await openQueue({ ...options, onError: (error) => errors.push(error) });
    const seen: bigint[] = [];
    await queue.consume('tiles', 1, async ({ task }) => void seen.push(task));
    await redis.shut();
    const asked = performance.now();
    const one = [{ task: 1n, generation: 1 }];
    await Promise.all([
      expect(queue.add('tiles', one)).rejects.toThrow(),
      expect(queue.locate('tiles', one)).rejects.toThrow(),
      expect(queue.ping()).rejects.toThrow(),
    ]);
    expect(performance.now() - asked).toBeLessThan(15_000);
    expect(errors.length).toBeGreaterThan(0);

    await redis.open();
    const deadline = performance.now() + 90_000;
    while (!seen.includes(2n) && performance.now() < deadline) {
      await queue.add('tiles', [{ task: 2n, generation: 1 }]).catch(() => {});
      await sleep(100);
    }
    expect(seen).toContain(2n);

    await redis.shut();
    const closedAt = performance.now();
    await queue.close();
    expect(performance.now() - closedAt).toBeLessThan(20_000);
    await redis.close();
  }, 120_000);
});
