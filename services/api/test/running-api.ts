/** An API over a database of its own, a folder of its own, and one small uploaded data set. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings, type Settings } from '@tessera/config';
import { type Database, migrate, openDatabase } from '@tessera/database';
import type { ExperimentSpecInput } from '@tessera/spec';
import { openFolderStore, type TileStore, writeNpy } from '@tessera/store';
import { createLogger, createMetrics } from '@tessera/telemetry';
import { testPostgres } from '@tessera/testkit';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { zipSync } from 'fflate';
import type { RequestTimes } from '../src/body-time.js';
import { buildApp } from '../src/index.js';

export interface RunningApi {
  app: FastifyInstance;
  db: Database;
  databaseUrl: string;
  store: TileStore;
  dataDir: string;
  /** What `readyz` asks the queue. */
  queue: { ping: () => Promise<void> };
  get(url: string, headers?: Record<string, string>): ReturnType<typeof inject>;
  post(url: string, body?: unknown, headers?: Record<string, string>): ReturnType<typeof inject>;
  inject(options: InjectOptions): ReturnType<typeof inject>;
  close(): Promise<void>;
}

const inject = (app: FastifyInstance, options: InjectOptions) => app.inject(options);

export async function runApi(
  options: {
    maxUploadBytes?: number;
    cifar10Dir?: string | null;
    aggregatorMemory?: number;
    /** What the store says it has free. */
    freeBytes?: number;
    settings?: Partial<Settings>;
    times?: RequestTimes;
  } = {},
): Promise<RunningApi> {
  const postgres = await testPostgres({ name: 'migrated', prepare: migrate });
  const db = openDatabase(postgres.url, { connections: 6 });
  const dataDir = await mkdtemp(join(tmpdir(), 'tessera-api-'));
  const store = await openFolderStore(dataDir);
  const { freeBytes } = options;
  if (freeBytes !== undefined) store.freeBytes = async () => freeBytes;
  const queue = { ping: async () => {} };
  const context = {
    db,
    databaseUrl: postgres.url,
    store,
    queuePing: () => queue.ping(),
    queueDepths: async () => ({ tiles: { waiting: 2, active: 1 } }),
    settings: {
      ...loadSettings({}).settings,
      dataDir,
      cifar10Dir: options.cifar10Dir ?? null,
      maxUploadBytes: options.maxUploadBytes ?? 2 ** 24,
      graceMs: 1000,
      aggregatorMemory: options.aggregatorMemory ?? 2 ** 32,
      ...options.settings,
    },
    logger: createLogger({ service: 'api', level: 'silent' }),
    metrics: createMetrics(),
    version: '0.0.0-test',
  };
  const app = await buildApp(context, options.times);
  await app.ready();
  return {
    app,
    db,
    databaseUrl: postgres.url,
    store,
    dataDir,
    queue,
    inject: (request) => inject(app, request),
    get: (url, headers = {}) => inject(app, { method: 'GET', url, headers }),
    post: (url, body, headers = {}) =>
      inject(app, { method: 'POST', url, headers, ...(body !== undefined && { payload: body as object }) }),
    async close() {
      await app.close();
      await db.close();
      await postgres.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const little = (values: readonly number[], Type: typeof Int32Array | typeof Float64Array) =>
  new Uint8Array(Type.from(values as number[]).buffer);

/** An `.npz` of 12 training and 6 test images of 4 x 4 x 1, three classes. `scale` changes its bytes. */
export function tinyNpz(scale = 1): Buffer {
  const images = (n: number, seed: number) =>
    little(
      Array.from({ length: n * 16 }, (_, i) => scale * Math.sin(seed + i * 1.7)),
      Float64Array,
    );
  const labels = (n: number) =>
    little(
      Array.from({ length: n }, (_, i) => i % 3),
      Int32Array,
    );
  return Buffer.from(
    zipSync(
      {
        'x_train.npy': writeNpy('<f8', [12, 4, 4, 1], images(12, 1)),
        'y_train.npy': writeNpy('<i4', [12], labels(12)),
        'x_test.npy': writeNpy('<f8', [6, 4, 4, 1], images(6, 2)),
        'y_test.npy': writeNpy('<i4', [6], labels(6)),
      },
      // As numpy: the same arrays make the same bytes.
      { mtime: '1980-01-01T00:00:00' },
    ),
  );
}

export async function uploadTiny(
  api: RunningApi,
  name = 'tiny',
  bytes?: Buffer,
  { headers = {}, scale = 1 }: { headers?: Record<string, string>; scale?: number } = {},
) {
  return api.inject({
    method: 'PUT',
    url: `/v1/datasets/${name}`,
    headers: { 'content-type': 'application/x-npz', ...headers },
    payload: bytes ?? tinyNpz(scale),
  });
}

/** A small valid spec on the data set `tiny`: 2 x 1 kernels, 3 depths, both kinds. */
export function tinySpec(changes: Partial<ExperimentSpecInput> = {}): ExperimentSpecInput {
  return {
    name: 'tiny',
    dataset: { id: 'tiny', train: 12, test: 6 },
    architecture: { family: 'fcn', activation: { name: 'erf' } },
    grid: { weightVariance: [1, 1.5], biasVariance: [0.18], depth: [0, 1, 5] },
    kernels: ['ntk', 'nngp'],
    analysis: { regression: { diagReg: [0, 0.1] }, dynamics: { times: [1, 64] } },
    ...changes,
  };
}
