import { announceWorker } from '@tessera/database';
import type { Rates } from '@tessera/plan';
import type { PlanSummary } from '@tessera/spec';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

const started: RunningApi[] = [];
afterAll(async () => {
  for (const api of started) await api.close();
});
async function start(options: Parameters<typeof runApi>[0]): Promise<RunningApi> {
  const api = await runApi(options);
  started.push(api);
  await uploadTiny(api);
  return api;
}
const countExperiments = async (api: RunningApi) =>
  (await api.db.pool.query('SELECT count(*)::int AS n FROM experiments')).rows[0].n as number;

describe('a store with little room', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await start({ freeBytes: 5000 });
  });

  it('refuses an experiment before anything is written, with the bytes needed and free', async () => {
    const response = await api.post('/v1/experiments', tinySpec());
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'plan-too-large' });
    expect(response.json().detail).toMatch(
      /needs [0-9.]+ KiB \(.* kept, .* temporary\), and the store has 4\.9 KiB free/,
    );
    expect(await countExperiments(api)).toBe(0);
    expect(await api.store.listChildren('experiments')).toEqual([]);
  });

  it('still tells the plan, with a warning', async () => {
    const response = await api.post('/v1/plans', tinySpec());
    expect(response.statusCode).toBe(200);
    const { bytes, warnings } = response.json() as PlanSummary;
    expect(bytes.free).toBe(5000);
    expect(warnings).toEqual([expect.stringContaining('the store has 4.9 KiB free')]);
  });
});

describe('a store that others are still to write to', () => {
  it('counts what open experiments were promised, and no more once they have ended', async () => {
    const api = await start({});
    const spec = tinySpec({ keep: { kernels: 'all' } });
    const { bytes } = (await api.post('/v1/plans', spec)).json() as PlanSummary;
    const needed = bytes.kept + bytes.temporary;
    api.store.freeBytes = async () => Math.ceil(1.5 * needed);
    const first = await api.post('/v1/experiments', spec);
    expect(first.statusCode).toBe(202);
    const second = await api.post('/v1/experiments', spec);
    expect(second.statusCode).toBe(400);
    expect(second.json().detail).toMatch(/KiB free, of which others are still to write [0-9.]+ KiB/);
    await api.db.pool.query(`UPDATE experiments SET state = 'cancelled', finished_at = now()`);
    expect((await api.post('/v1/experiments', spec)).statusCode).toBe(202);
  });
});

describe('what aggregators may hold', () => {
  let api: RunningApi;
  beforeAll(async () => {
    api = await start({ aggregatorMemory: 2 ** 20 });
  });
  afterEach(() => api.db.pool.query('DELETE FROM workers'));
  const memory = (bytes: number | null): Rates => ({
    version: 2,
    host: 'h',
    hostCores: 4,
    threads: 2,
    memoryBytes: bytes,
    engine: null,
    linalg: null,
    store: null,
  });
  const announce = (id: string, role: 'worker' | 'aggregator', rates: Rates | null) =>
    announceWorker(api.db, {
      id,
      role,
      engine: 'e',
      device: 'd',
      fingerprint: 'f',
      version: '0',
      slots: 1,
      rates,
    });
  const plan = async (spec: object = tinySpec()) => (await api.post('/v1/plans', spec)).json() as PlanSummary;

  it('is this process own setting while no aggregator lives', async () => {
    expect((await plan()).analysis).toEqual({ mode: 'dense', bytes: expect.any(Number), memory: 2 ** 20 });
  });

  it('is what the smallest of the living aggregators states', async () => {
    await announce('a', 'aggregator', memory(2 ** 34));
    await announce('b', 'aggregator', memory(2 ** 33));
    await announce('c', 'worker', memory(null));
    expect((await plan()).analysis.memory).toBe(2 ** 33);
  });

  it('makes a plan streamed where only the largest eigenvalues are asked for, and else refuses it', async () => {
    await announce('a', 'aggregator', memory(3000));
    const refused = await api.post('/v1/experiments', tinySpec());
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ code: 'plan-too-large', errors: [{ pointer: '/dataset/train' }] });
    expect(refused.json().detail).toContain('analysis.spectrum {"top": 12} without analysis.dynamics');
  });

  it('estimates by what the living workers measured', async () => {
    const slow = (await plan()).coreSeconds;
    const linalg = {
      gemmMultiplyAdd: 5,
      eigenvectors: 1e6,
      eigenvalues: 1e6,
      cholesky: 1e6,
      streamedEntry: 1,
    };
    await announce('a', 'aggregator', { ...memory(2 ** 33), linalg });
    const estimated = await plan();
    expect(estimated.coreSeconds).toBeGreaterThan(10 * slow);
    expect(estimated.seconds).toBeGreaterThan(0);
    expect(estimated.tileSize).toBe((await plan()).tileSize);
  });

  it('leaves out of account what another version measured', async () => {
    const other = { version: 2, anything: true } as unknown as Rates;
    await announce('a', 'aggregator', other);
    expect((await plan()).analysis.memory).toBe(2 ** 20);
  });
});
