import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createMetrics } from '../src/index.js';

it('exposes tasks by state, compute seconds by engine, bytes, API latency, queue depth, lease expiries and retries', async () => {
  const metrics = createMetrics();
  metrics.tasks.set({ wave: 'train', state: 'leased' }, 3);
  metrics.computeSeconds.inc({ wave: 'train', engine: 'native' }, 1.5);
  metrics.apiSeconds.observe({ method: 'GET', route: '/v1/experiments', status: 200 }, 0.02);
  const text = await metrics.registry.metrics();
  expect(text).toContain('tessera_tasks{wave="train",state="leased"} 3');
  expect(text).toContain('tessera_compute_seconds_total{wave="train",engine="native"} 1.5');
  for (const name of [
    'bytes_written_total',
    'api_request_seconds_bucket',
    'queue_depth',
    'lease_expiries_total',
    'task_retries_total',
  ]) {
    expect(text).toContain(`tessera_${name}`);
  }
});

it('keeps registries apart, so that two in one process do not clash', () => {
  expect(createMetrics().registry).not.toBe(createMetrics().registry);
});

it('says nothing of a gauge that this process has not set', async () => {
  const metrics = createMetrics();
  expect(await metrics.registry.metrics()).not.toMatch(
    /^tessera_(store|experiments_paused|database_bytes)\S* /m,
  );
  metrics.storeFreeBytes.set(5);
  expect(await metrics.registry.metrics()).toMatch(/^tessera_store_free_bytes 5$/m);
});

it('tells how late timers came since the last scrape, and leaves no histogram that wakes the process', async () => {
  const { registry } = createMetrics();
  await sleep(600);
  const end = performance.now() + 700;
  while (performance.now() < end);
  await sleep(100);
  const delay = async () =>
    Number(/^tessera_event_loop_delay_seconds (\S+)$/m.exec(await registry.metrics())?.[1]);
  expect(await delay()).toBeGreaterThan(0.1);
  expect(await delay()).toBe(0);
  expect(await registry.metrics()).not.toContain('nodejs_eventloop_lag_p99');
});
