import { openQueue } from '@tessera/queue';
import { createLogger } from '@tessera/telemetry';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { dispatch } from '../src/dispatcher.js';
import { sweepOnce } from '../src/sweep.js';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

const logger = createLogger({ service: 'api', level: 'silent' });
let api: RunningApi;
let fresh: RunningApi;
beforeAll(async () => {
  [api, fresh] = await Promise.all([runApi(), runApi()]);
});
afterAll(async () => {
  await api?.close();
  await fresh?.close();
});

it('a sweep takes what no row stands for, and leaves a store of another database alone', async () => {
  await uploadTiny(api);
  for (const key of ['experiments/e0.zarr/zarr.json', `datasets/${'0'.repeat(64)}/train-images.bin`])
    await api.store.put(key, Buffer.from('x'));
  const folders = async () => [
    ...(await api.store.listChildren('experiments')),
    ...(await api.store.listChildren('datasets')),
  ];
  await sweepOnce(api.db, api.store, logger);
  expect(await folders()).toEqual([(await api.get('/v1/datasets/tiny')).json().sha256]);
  // A database that was made anew knows nothing of this. (Those of tests are clones.)
  await fresh.db.pool.query(`UPDATE instance SET id = 'made anew'`);
  await sweepOnce(fresh.db, api.store, logger);
  await sweepOnce(api.db, api.store, logger);
  expect(await folders()).toHaveLength(1);
});

it('an experiment whose temporary files the store does not delete completes, and a sweep takes them', async () => {
  const { db, databaseUrl, store } = fresh;
  await uploadTiny(fresh);
  const { id } = await createTiny(fresh);
  for (const kernel of [0, 1]) await finishKernel(fresh, id, kernel);
  await setState(fresh, id, 'running');
  const refused = Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
  const refusing = vi.spyOn(store, 'deletePrefix').mockRejectedValue(refused);
  const queue = await openQueue({ redisUrl: null, databaseUrl, prefix: 'sweep', onError: () => {} });
  const dispatcher = await dispatch({
    db,
    databaseUrl,
    queue,
    store,
    log: logger,
    minFreeBytes: 0,
    leaseMs: 5000,
    runningTiles: null,
  });
  await vi.waitFor(
    async () => expect((await fresh.get(`/v1/experiments/${id}`)).json().state).toBe('completed'),
    20_000,
  );
  await dispatcher.close();
  await queue.close();
  refusing.mockRestore();
  const folders = () => store.listChildren('experiments');
  expect(await folders()).toEqual([`${id}.tmp`, `${id}.zarr`]);
  await sweepOnce(db, store, logger);
  expect(await folders()).toEqual([`${id}.zarr`]);
});
