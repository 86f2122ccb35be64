import { createLogger } from '@tessera/telemetry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sweepOnce } from '../src/sweep.js';
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
