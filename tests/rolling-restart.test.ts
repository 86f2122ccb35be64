/** Every process is stopped and replaced under load: nothing is lost, no lease is left, no request meets an error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraClient } from '@tessera/client';
import type { ExperimentSpecInput } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Balancer, openBalancer, probeMs } from './balancer.js';
import { allArrays } from './compare.js';
import { openProcesses, type Processes, type ServiceName, type ServiceProcess } from './processes.js';

/** Many tasks, some seconds of work. */
const large: ExperimentSpecInput = {
  name: 'restarted under',
  dataset: { id: 'synthetic', train: 96, test: 400 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: { from: 1, to: 2.5, count: 5 }, biasVariance: [0.18], depth: [0, 1, 5, 20, 60] },
  kernels: ['ntk', 'nngp'],
  tileSize: 24,
  analysis: { regression: { diagReg: [0, 0.001] }, dynamics: { times: [1, 64] } },
  keep: { kernels: 'all' },
};
const small: ExperimentSpecInput = {
  name: 'posted meanwhile',
  dataset: { id: 'synthetic', train: 8 },
  architecture: { family: 'fcn', activation: { name: 'relu' } },
  grid: { weightVariance: [2], biasVariance: [0], depth: [1, 2] },
};
/** Longer than the balancer takes to see it, on a machine that has other things to do. */
const apiEnv = { TESSERA_DRAIN_MS: String(20 * probeMs) };

let processes: Processes;
let balancer: Balancer;
let client: TesseraClient;
beforeAll(async () => {
  processes = await openProcesses();
  balancer = await openBalancer();
  client = new TesseraClient(balancer.url);
});
afterAll(async () => {
  balancer?.close();
  await processes?.close();
});

/** No client is on its way to it: it need not wait for the balancer. */
const undrained = { TESSERA_DRAIN_MS: '0' };

async function startReady(service: ServiceName, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const started = processes.start(service, service === 'api' ? { ...apiEnv, ...env } : env);
  const address = await started.ready();
  if (service === 'api') await balancer.add(address);
  return started;
}

/** SIGTERM; checks that it ends well and holds nothing. */
async function stop(stopped: ServiceProcess): Promise<void> {
  stopped.child.kill('SIGTERM');
  expect(await stopped.exit, stopped.log()).toBe(0);
  expect(await processes.leasedTo(stopped)).toBe(0);
}

vi.setConfig({ testTimeout: 600_000 });

describe('a rolling restart of every service', () => {
  it('loses nothing and answers no request with an error', async () => {
    const names: ServiceName[] = ['api', 'api', 'worker', 'worker', 'aggregator'];
    let running = await Promise.all(names.map((name) => startReady(name)));
    const { id: first } = await client.createExperiment(large);
    expect((await client.waitFor(first)).state).toBe('completed');

    const { id } = await client.createExperiment(large);
    const posted: string[] = [];
    const failures: string[] = [];
    let requests = 0;
    let isOver = false;
    const load = async (pauseMs: number, request: () => Promise<unknown>) => {
      while (!isOver) {
        requests += 1;
        await request().catch((error: Error) => failures.push(error.message));
        await sleep(pauseMs);
      }
    };
    const loads = [
      load(20, () => client.getExperiment(id)),
      load(30, () => client.listExperiments()),
      load(50, () => client.planExperiment(large)),
      load(400, async () => posted.push((await client.createExperiment(small)).id)),
    ];
    const watched = client.waitFor(id);

    try {
      for (const [position, name] of names.entries()) {
        await stop(running[position] as ServiceProcess);
        running = running.with(position, await startReady(name));
      }
      expect((await watched).state).toBe('completed');
    } finally {
      isOver = true;
      await Promise.all(loads);
    }
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    expect(posted.length).toBeGreaterThan(5);
    for (const one of posted) expect((await client.waitFor(one)).state).toBe('completed');
    const [undisturbed, restarted] = await Promise.all([allArrays(client, first), allArrays(client, id)]);
    expect([...restarted.keys()]).toEqual([...undisturbed.keys()]);
    for (const [name, bytes] of restarted) expect(undisturbed.get(name)?.equals(bytes), name).toBe(true);
    await Promise.all(running.map(stop));
  });
});

describe('a stopping API', () => {
  it('says 503 on /readyz while it goes on serving, then ends event streams and closes', async () => {
    const api = processes.start('api', { TESSERA_DRAIN_MS: '3000' });
    const direct = new TesseraClient(await api.ready());
    const { id } = await direct.createExperiment(small);
    const stream = fetch(`${direct.url}/v1/experiments/${id}/events`).then((answer) => answer.text());
    await sleep(200);
    api.child.kill('SIGTERM');
    let status = 200;
    while (status === 200) ({ status } = await fetch(`${direct.url}/readyz`));
    expect(status).toBe(503);
    const served = await fetch(`${direct.url}/v1/experiments/${id}`);
    expect(served.status).toBe(200);
    expect(served.headers.get('connection')).toBe('close');
    expect(await stream).toMatch(/event: state/);
    expect(await api.exit, api.log()).toBe(0);
  });
});

describe('a worker without grace', () => {
  it('gives what it computes back before it ends', async () => {
    const [api, worker] = await Promise.all([
      startReady('api', undrained),
      startReady('worker', { TESSERA_GRACE_MS: '0' }),
    ]);
    // Tiles of about 20 s each.
    const { id } = await client.createExperiment({
      ...small,
      dataset: { id: 'synthetic', train: 512 },
      grid: { weightVariance: [2], biasVariance: [0], depth: [200] },
      architecture: { family: 'cnn-flatten', activation: { name: 'relu' } },
      tileSize: 256,
    });
    while ((await processes.leasedTo(worker)) === 0) await sleep(20);
    await stop(worker);
    const { rows } = await processes.db.pool.query(
      `SELECT count(*)::int AS n FROM tasks WHERE experiment_id = $1 AND (state <> 'pending' OR attempts > 0)`,
      [id],
    );
    expect(rows).toEqual([{ n: 0 }]);
    await client.cancelExperiment(id);
    await stop(api);
  });
});

describe('version skew', () => {
  const speaking = (protocol: number) => ({ ...undrained, TESSERA_TEST_PROTOCOL: String(protocol) });

  it('lets an API work with workers one version older and one newer, and with itself rolled back', async () => {
    const api = await startReady('api', speaking(2));
    const others = [startReady('worker', speaking(1)), startReady('aggregator', speaking(3))];
    const running = [api, ...(await Promise.all(others))];
    const { id } = await client.createExperiment(small);
    expect((await client.waitFor(id)).state).toBe('completed');
    running.push(await startReady('api', speaking(1)));
    await Promise.all(running.map(stop));
  });

  it('refuses a worker of another version by name, and says what to upgrade', async () => {
    const api = await startReady('api', speaking(3));
    const worker = await startReady('worker', speaking(2));
    const refused = processes.start('worker', speaking(1));
    const old = processes.start('api', speaking(1));
    expect(await refused.exit).toBe(1);
    expect(refused.log()).toMatch(
      /The worker worker-\S+ .* speaks protocol 1, and .* protocol 3.*Upgrade it/,
    );
    expect(await old.exit).toBe(1);
    expect(old.log()).toMatch(/The API .* speaks protocol 1/);
    // The database moves on under a worker that was a neighbour: it gives back what it holds, and ends.
    const newer = await startReady('api', speaking(4));
    expect(await worker.exit).toBe(1);
    expect(worker.log()).toMatch(/speaks protocol 2, and this database is at protocol 4/);
    await Promise.all([stop(api), stop(newer)]);
  });
});
