/** The check that `npm run fuzz` ends with: content where all is whole, and telling what is planted behind the services' backs. */
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteTemporary, experimentKeys, markComplete } from '@tessera/store';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkHalfWritten } from '../../../scripts/fuzz/half-written.mjs';
import { createTiny, finishKernel, setState } from './finished-experiment.js';
import { type RunningApi, runApi, uploadTiny } from './running-api.js';

let api: RunningApi;
let id: string;
beforeAll(async () => {
  api = await runApi();
  await uploadTiny(api);
  ({ id } = await createTiny(api));
  // What the made-up kernels have not: test rows.
  await api.db.pool.query(
    `UPDATE experiments SET spec = jsonb_set(spec::jsonb, '{keep,kernels}', '"train"')`,
  );
  for (const kernel of [0, 1]) await finishKernel(api, id, kernel);
  await deleteTemporary(api.store, id);
  await markComplete(api.store, id);
  await setState(api, id, 'completed');
  await api.db.pool.query(`UPDATE kernels SET summary = '{}'`);
  await api.db.pool.query('UPDATE experiments SET tiles_done = tiles_total, strips_done = strips_total');
});
afterAll(() => api?.close());

const look = async () =>
  (await checkHalfWritten(api.db.pool, api.dataDir)).problems.map(
    ({ what, example }: { what: string; example: string }) => `${what}: ${example}`,
  );
const at = (...parts: string[]) => join(api.dataDir, ...parts);

it('finds nothing where every row has its files and every file its row', async () => {
  expect(await look()).toEqual([]);
});

it('finds files of nothing, in the store and beside it', async () => {
  const made = ['experiments/e0.tmp/0', 'experiments/e1.zarr', `datasets/${'0'.repeat(64)}`, 'uploads'];
  for (const folder of made) await mkdir(at(folder), { recursive: true });
  const part = `.zarr.json.${'0'.repeat(16)}.part`;
  for (const file of ['uploads/00.npz', `experiments/${id}.zarr/${part}`]) await writeFile(at(file), 'x');
  expect(await look()).toEqual([
    'an upload or a probe was left: uploads/00.npz',
    `a write that never ended was left: experiments/${id}.zarr/${part}`,
    'a folder of no experiment: experiments/e0.tmp',
    'a folder of no experiment: experiments/e1.zarr',
    `contents of no data set and no experiment: datasets/${'0'.repeat(64)}`,
    `a file that no array has: experiments/${id}.zarr/${part}`,
  ]);
  for (const path of [
    ...made.slice(0, 3),
    'experiments/e0.tmp',
    'uploads/00.npz',
    `experiments/${id}.zarr/${part}`,
  ])
    await rm(at(path), { recursive: true });
});

it('finds rows without their files, and files that are not as they were written', async () => {
  const [sha256] = (await readdir(at('datasets'))) as [string];
  const labels = at('datasets', sha256, 'train-labels.bin');
  const { complete, root } = experimentKeys(id);
  await api.store.delete(complete);
  await api.store.delete(`${root}/kappa/c/0/0/0/0`);
  await truncate(at(root, 'ntk_train_train/c/0/0/0/0/0'), 100);
  await api.db.pool.query('DELETE FROM kernels WHERE index = 1');
  const damaged = await look();
  expect(damaged).toContainEqual(`1 kernel rows of 2: ${id} (completed)`);
  expect(damaged).toContainEqual(`a completed experiment has no marker: ${id}`);
  expect(damaged.join()).toMatch(/a published array is damaged: \S+ .*ntk_train_train.* holds 100 bytes/);
  await truncate(labels, 3);
  expect((await look()).join()).toMatch(
    /data set is not whole in the store: \S+ train-labels.bin has 3 bytes/,
  );
});
