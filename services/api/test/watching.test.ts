/** What people watch: the tile map and its changes, a tile's history, the log, failures by cause, the cluster. */
import {
  acceptTask,
  announceWorker,
  cancelExperiment,
  claimTask,
  failTask,
  sampleProgress,
  startExperiment,
  startKernels,
  type TaskWorker,
  takeReady,
} from '@tessera/database';
import { TesseraError, type TileMapHeader } from '@tessera/spec';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningApi, runApi, tinySpec, uploadTiny } from './running-api.js';

const worker: TaskWorker = { id: 'w1', role: 'worker', fingerprint: 'f' };
let api: RunningApi;
let id: string;
/** Tiles of one kernel: 12 images by 4 are 3 blocks, 6 tiles on or above the diagonal. */
const tilesPerKernel = 6;

beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  id = (await api.post('/v1/experiments', tinySpec({ tileSize: 4 }))).json().id;
  await startExperiment(api.db, id);
  await startKernels(api.db, id, 1, tilesPerKernel);
});
afterAll(() => api.close());

interface Record {
  kernel: number;
  tile: number;
  state: string;
  isAgain: boolean;
  milliseconds: number;
  worker: string | null;
}

async function tiles(query = ''): Promise<{ header: TileMapHeader; records: Record[] }> {
  const { statusCode, rawPayload } = await api.get(`/v1/experiments/${id}/tiles${query}`);
  expect(statusCode).toBe(200);
  const length = rawPayload.readUInt32BE(0);
  const header = JSON.parse(rawPayload.toString('utf8', 4, 4 + length)) as TileMapHeader;
  const records: Record[] = [];
  let at = 4 + length;
  for (const [kernel, count] of header.tiles) {
    for (let n = 0; n < count; n++, at += 10) {
      const packed = rawPayload.readInt32BE(at + 4);
      const number = rawPayload.readInt16BE(at + 8);
      records.push({
        kernel,
        tile: rawPayload.readInt32BE(at),
        state: ['pending', 'leased', 'done', 'failed'][(packed >> 28) & 3] as string,
        isAgain: ((packed >> 27) & 1) === 1,
        milliseconds: packed & 0x7ffffff,
        worker: number < 0 ? null : (header.workers[number] as string),
      });
    }
  }
  expect(at).toBe(rawPayload.length);
  return { header, records };
}

async function claim() {
  const [job] = await takeReady(api.db, id, ['train'], 1);
  const task = job && (await claimTask(api.db, job, worker, 60_000));
  if (!task) throw new Error('nothing to claim');
  return task;
}

const outcome = { pieces: {}, bytes: 8, milliseconds: 345, engine: 'native', device: 'cpu', result: null };

describe('the tile map', () => {
  let cursor: string;

  it('gives every kernel and every tile at first', async () => {
    const { header, records } = await tiles();
    expect(header).toMatchObject({ kernelCount: 2, blocks: 3, tileSize: 4, trainCount: 12, next: null });
    expect(header.kernels).toEqual([
      [0, 'active', 'train', 6, 0],
      [1, 'waiting', 'train', 0, 0],
    ]);
    expect(records.map(({ tile }) => tile)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(records.every(({ state, worker }) => state === 'pending' && worker === null)).toBe(true);
    cursor = header.cursor;
  });

  it('gives what has changed since a cursor, and misses nothing of it', async () => {
    const first = await claim();
    const second = await claim();
    await acceptTask(api.db, first, worker, outcome);
    const { header, records } = await tiles(`?since=${cursor}`);
    expect(records).toContainEqual({
      kernel: 0,
      tile: first.index,
      state: 'done',
      isAgain: false,
      milliseconds: 345,
      worker: 'w1',
    });
    expect(records).toContainEqual(
      expect.objectContaining({ tile: second.index, state: 'leased', worker: 'w1' }),
    );
    await failTask(api.db, second, worker, new TesseraError('engine-failed', 'NaN at entry 4711'));
    const later = await tiles(`?since=${header.cursor}`);
    expect(later.records).toContainEqual(
      expect.objectContaining({ tile: second.index, state: 'pending', isAgain: true }),
    );
    cursor = later.header.cursor;
  });

  it('gives nothing once nothing changes', async () => {
    // A cursor stays behind what other transactions of the server hold open, another test's among them: changes then come twice.
    let since = cursor;
    await vi.waitFor(
      async () => {
        const again = await tiles(`?since=${since}`);
        since = again.header.cursor;
        expect(again.records.length).toBe(0);
        expect(again.header.kernels).toEqual([]);
      },
      { timeout: 10_000 },
    );
  });

  it('goes on at a position, and refuses what is none', async () => {
    const { records } = await tiles('?from=0.3');
    expect(records.map(({ tile }) => tile)).toEqual([4, 5]);
    for (const query of ['?from=3', '?since=x', '?from=-1.2']) {
      expect((await api.get(`/v1/experiments/${id}/tiles${query}`)).statusCode).toBe(400);
    }
  });

  it('tells all of one tile', async () => {
    const tile = (await api.get(`/v1/experiments/${id}/tiles/0/1`)).json();
    expect(tile).toMatchObject({
      weightVariance: 1,
      row: 0,
      col: 1,
      cols: { start: 4, count: 4 },
      kernelState: 'active',
      task: { state: 'pending', attempts: 1, generation: 2 },
    });
    expect(tile.log[0]).toMatchObject({ kind: 'task-again', task: 1, worker: 'w1' });
    const waiting = (await api.get(`/v1/experiments/${id}/tiles/1/0`)).json();
    expect(waiting).toMatchObject({ kernelState: 'waiting', task: null });
    for (const place of ['0/6', '2/0', '0/x'])
      expect((await api.get(`/v1/experiments/${id}/tiles/${place}`)).statusCode).toBe(404);
  });
});

describe('the history of an experiment', () => {
  it('tells states, kernels and failures, newest first, and groups failures by cause', async () => {
    await sampleProgress(api.db, 1000);
    const { log, failures, samples } = (await api.get(`/v1/experiments/${id}/history`)).json();
    const kinds = log.map((entry: { kind: string }) => entry.kind);
    expect(kinds.at(-1)).toBe('queued');
    expect(kinds).toEqual(expect.arrayContaining(['running', 'kernel-active', 'task-again']));
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({
      wave: 'train',
      failed: 0,
      retrying: 1,
      places: [{ kernel: 0, task: 1 }],
    });
    expect(failures[0].cause).toContain('NaN at entry #');
    expect(samples).toHaveLength(1);
    expect(samples[0]).toMatchObject({ tiles: 1, analyses: 0, strips: 0, trainings: 0 });
  });

  it('keeps about the last 2,000 entries', async () => {
    await api.db.pool.query(
      `SELECT log_experiment_event($1, 'task-again', 0, 'train', 0, NULL, 'again') FROM generate_series(1, 2500)`,
      [id],
    );
    const { rows } = await api.db.pool.query(
      'SELECT count(*)::int AS n FROM experiment_events WHERE experiment_id = $1',
      [id],
    );
    expect(rows[0].n).toBeGreaterThanOrEqual(2000);
    expect(rows[0].n).toBeLessThanOrEqual(2100);
    await cancelExperiment(api.db, id);
    const { log } = (await api.get(`/v1/experiments/${id}/history?limit=1`)).json();
    expect(log).toMatchObject([{ kind: 'cancelling' }]);
  });
});

it('tells who works, what waits and what is held', async () => {
  const identity = {
    ...worker,
    engine: 'native',
    device: 'cpu',
    version: '1',
    slots: 2,
    tasksPerSecond: 3.5,
  };
  await announceWorker(api.db, identity);
  const cluster = (await api.get('/v1/cluster')).json();
  expect(cluster).toMatchObject({
    version: '0.0.0-test',
    workers: [{ id: 'w1', tasksPerSecond: 3.5, leases: 0, slots: 2 }],
    queues: { tiles: { waiting: 2, active: 1 } },
    leases: { held: 0 },
  });
  expect(cluster.database.bytes).toBeGreaterThan(1e6);
  expect(cluster.store.freeBytes).toBeGreaterThan(0);
});
