/** Workers come and go as on spot nodes: from none to eight and back to none in mid-experiment, and nothing is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { queueBackends, testRedisUrl } from '@tessera/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcesses, type Processes, type ServiceProcess } from './processes.js';

/** 21 tiles of a good part of a second each where eight workers share the cores. */
const spec: ExperimentSpecInput = {
  name: 'on spot nodes',
  dataset: { id: 'synthetic', train: 24 },
  architecture: { family: 'cnn-gap', activation: { name: 'erf' }, padding: 'same' },
  grid: { weightVariance: [2], biasVariance: [0.1], depth: [6] },
  tileSize: 4,
};

describe.runIf(queueBackends().includes('redis'))('an experiment whose workers are spot nodes', () => {
  let processes: Processes;
  let env: Record<string, string>;
  beforeAll(async () => {
    processes = await openProcesses();
    // Less than a tile takes: what is in hand is given back. A lease longer than the test: none may end by itself.
    env = { TESSERA_REDIS_URL: await testRedisUrl(), TESSERA_GRACE_MS: '0', TESSERA_LEASE_MS: '600000' };
  });
  afterAll(() => processes?.close());

  const start = async (service: Parameters<Processes['start']>[0], count: number) => {
    const started = Array.from({ length: count }, () => processes.start(service, env));
    const urls = await Promise.all(started.map((one) => one.ready()));
    return { started, url: urls[0] as string };
  };
  const taskRows = async () => {
    const { rows } = await processes.db.pool.query<Record<string, number>>(
      `SELECT count(*) FILTER (WHERE state = 'done')::int AS done, count(*) FILTER (WHERE state = 'leased')::int AS leased,
              count(*) FILTER (WHERE state = 'failed')::int AS failed, coalesce(sum(attempts), 0)::int AS attempts,
              coalesce(sum(expiries), 0)::int AS expiries, coalesce(sum(generation - 1), 0)::int AS "givenBack"
       FROM tasks`,
    );
    return rows[0] as { done: number; leased: number; givenBack: number };
  };
  const stopAll = async (workers: readonly ServiceProcess[]) => {
    for (const { child } of workers) child.kill('SIGTERM');
    // 0: within the grace and the ten seconds that follow; a process that takes longer ends itself with 1.
    for (const { exit, log } of workers) expect(await exit, log()).toBe(0);
  };

  it('waits without workers, goes on with eight, gives back what they held, and completes', async () => {
    const [{ url }] = await Promise.all([start('api', 1), start('aggregator', 2)]);
    const client = new TesseraClient(url);
    const { id } = await client.createExperiment(spec);
    const { started: eight } = await start('worker', 8);
    for (let rows = await taskRows(); rows.leased < 4 || rows.done < 2; rows = await taskRows())
      await sleep(20);
    await stopAll(eight);
    const { done, ...rest } = await taskRows();
    expect(rest).toMatchObject({ leased: 0, failed: 0, attempts: 0, expiries: 0 });
    expect(rest.givenBack).toBeGreaterThanOrEqual(1);
    const { progress, state } = await client.getExperiment(id);
    expect(state).toBe('running');
    expect(progress.tiles).toMatchObject({ done, running: 0, failed: 0, total: 21 });

    const { started: two } = await start('worker', 2);
    expect(await client.waitFor(id)).toMatchObject({
      state: 'completed',
      progress: { tiles: { done: 21, failed: 0, running: 0 } },
    });
    await stopAll(two);
  }, 300_000);
});
