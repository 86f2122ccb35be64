/** The primary of a replicated Redis is killed in the middle of an experiment: a replica is promoted, and nothing is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { canStartRedis, type RedisSentinels, startRedisSentinels } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcesses, type Processes } from './processes.js';

/** Many small tasks of every wave, some seconds of work. */
const spec: ExperimentSpecInput = {
  name: 'failed over',
  dataset: { id: 'synthetic', train: 64, test: 100 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: { from: 1, to: 2.5, count: 5 }, biasVariance: [0.18], depth: [0, 5, 20] },
  kernels: ['ntk', 'nngp'],
  tileSize: 16,
  analysis: { regression: { diagReg: [0.001] }, dynamics: { times: [1] } },
};

describe.runIf(canStartRedis())('the death of the primary of three Redis servers', () => {
  let redis: RedisSentinels;
  let processes: Processes;
  beforeAll(async () => {
    [redis, processes] = await Promise.all([startRedisSentinels(), openProcesses()]);
  });
  afterAll(async () => {
    await processes?.close();
    await redis?.stop();
  });

  it('in the middle of an experiment loses nothing and computes nothing twice', async () => {
    const env = { TESSERA_REDIS_URL: redis.url };
    const names = ['api', 'worker', 'worker', 'aggregator'] as const;
    const [url] = await Promise.all(names.map((name) => processes.start(name, env).ready()));
    const client = new TesseraClient(url as string);
    expect(await (await fetch(`${url}/v1/cluster`)).json()).toMatchObject({ queues: { tiles: {} } });
    const { id } = await client.createExperiment(spec);
    for (;;) {
      const { progress } = await client.getExperiment(id);
      if (progress.tiles.done >= 10) break;
      await sleep(10);
    }
    const before = await redis.primary();
    await redis.killPrimary();
    const ended = await client.waitFor(id, { reconnectMs: 60_000 });
    expect(ended).toMatchObject({ state: 'completed', error: null });
    for (const counts of [ended.progress.tiles, ended.progress.analyses, ended.progress.strips])
      expect(counts).toMatchObject({ done: counts.total, failed: 0, running: 0 });
    // It was not over before the failover: the queue works again, on another server.
    while ((await redis.primary()) === before) await sleep(50);
    expect(
      (
        await client.waitFor(
          (
            await client.createExperiment({
              ...spec,
              name: 'after',
              grid: { ...spec.grid, weightVariance: [1.5] },
            })
          ).id,
        )
      ).state,
    ).toBe('completed');
  }, 240_000);
});
