import { setTimeout as sleep } from 'node:timers/promises';
import { retryExperiment, startExperiment, startKernels } from '@tessera/database';
import type { CollectReport } from '@tessera/spec';
import { createLogger } from '@tessera/telemetry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collectRegularly } from '../src/retention.js';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
});
afterAll(() => api?.close());
afterEach(async () => {
  await api.db.pool.query('DELETE FROM experiments');
  await api.store.deletePrefix('experiments');
});

const day = 86_400;
async function ended(daysAgo: number, state: string): Promise<string> {
  const { id } = await createTiny(api);
  await finishKernel(api, id, 0);
  await setState(api, id, state);
  await api.db.pool.query(
    `UPDATE experiments SET finished_at = now() - $2 * interval '1 day' WHERE id = $1`,
    [id, daysAgo],
  );
  return id;
}
const ids = async () =>
  (await api.db.pool.query('SELECT id FROM experiments ORDER BY sequence')).rows.map((row) => row.id);
const collect = async (body: object) => (await api.post('/v1/gc', body)).json() as CollectReport;

describe('POST /v1/gc', () => {
  it('deletes what ended long ago, rows and files, and nothing else', async () => {
    const old = await ended(40, 'completed');
    const cancelled = await ended(31, 'cancelled');
    const recent = await ended(29, 'completed');
    const { id: open } = await createTiny(api);
    const request = { olderThanSeconds: 30 * day };
    const told = await collect({ ...request, dryRun: true });
    expect(told.experiments.map(({ id, state }) => [id, state])).toEqual([
      [old, 'completed'],
      [cancelled, 'cancelled'],
    ]);
    expect(told.bytes).toBeGreaterThan(1000);
    expect(await ids()).toHaveLength(4);
    expect(await collect(request)).toEqual({ ...told, dryRun: false });
    expect(await ids()).toEqual([recent, open]);
    expect(await api.store.listChildren('experiments')).toEqual([`${recent}.tmp`, `${recent}.zarr`]);
    expect((await collect(request)).experiments).toEqual([]);
  });

  it('with keepKernels deletes only what a retry would use, and a retry computes that anew', async () => {
    const completed = await ended(40, 'completed');
    const id = await ended(40, 'failed');
    await api.db.pool.query(`UPDATE experiments SET state = 'queued' WHERE id = $1`, [id]);
    await startExperiment(api.db, id);
    await startKernels(api.db, id, 1, 1);
    await api.db.pool.query(`UPDATE tasks SET state = 'done' WHERE experiment_id = $1`, [id]);
    await api.db.pool.query(
      `UPDATE kernels SET state = 'failed', wave_done = 1 WHERE experiment_id = $1 AND index = 1`,
      [id],
    );
    await api.db.pool.query(
      `UPDATE experiments SET state = 'failed', tiles_done = 2, finished_at = now() - interval '40 days' WHERE id = $1`,
      [id],
    );
    await api.store.put(`experiments/${id}.tmp/1/train/0-0.g1.ntk_train_train`, Buffer.alloc(4096));
    const report = await collect({ olderThanSeconds: 30 * day, keepKernels: true });
    expect(report.experiments).toMatchObject([{ id, state: 'failed' }]);
    expect(report.bytes).toBeGreaterThan(4096);
    expect(await ids()).toEqual([completed, id]);
    const names = await api.store.listChildren('experiments');
    expect(names).toContain(`${id}.zarr`);
    expect(names).not.toContain(`${id}.tmp`);
    expect((await api.get(`/v1/experiments/${id}`)).json().progress.tiles).toMatchObject({ done: 1 });
    await retryExperiment(api.db, id);
    await startExperiment(api.db, id);
    expect(await startKernels(api.db, id, 5, 1)).toBe(1);
  });

  it('leaves one that was retried meanwhile alone, and says every problem of a bad request', async () => {
    const id = await ended(40, 'failed');
    await retryExperiment(api.db, id);
    expect((await collect({ olderThanSeconds: 1 })).experiments).toEqual([]);
    const bad = await api.post('/v1/gc', { olderThanSeconds: -1, dryRun: 'no', more: 1 });
    expect(bad.statusCode).toBe(400);
    expect(bad.json().errors).toHaveLength(3);
  });
});

describe('the policy of the settings', () => {
  it('is applied by the process that leads, and by no other', async () => {
    const id = await ended(40, 'completed');
    const context = { ...api, logger: createLogger({ service: 'test', level: 'silent' }) };
    let isLeader = false;
    const timer = collectRegularly(context, { retentionDays: 30, isLeader: () => isLeader, intervalMs: 10 });
    await sleep(200);
    expect(await ids()).toEqual([id]);
    isLeader = true;
    while ((await ids()).length > 0) await sleep(10);
    clearInterval(timer as NodeJS.Timeout);
    expect(collectRegularly(context, { retentionDays: null, isLeader: () => true })).toBeNull();
  });
});
