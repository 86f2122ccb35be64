import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deleteExperiment, markComplete } from '../src/experiment-group.js';
import { sweepOrphans } from '../src/sweep.js';
import type { TileStore } from '../src/tile-store.js';
import { temporaryStore } from './experiment-fixture.js';

let store: TileStore;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ store, remove } = await temporaryStore());
});
afterEach(() => remove());

describe('the sweep', () => {
  it('deletes what no experiment owns and the temporary pieces of finished ones, and nothing else', async () => {
    const kept = [
      'experiments/running.zarr/zarr.json',
      'experiments/running.tmp/0/train/0-0.g1.ntk',
      'experiments/failed.tmp/0/train/0-0.g1.ntk',
      'experiments/finished.zarr/zarr.json',
      'datasets/abc/manifest.json',
    ];
    const orphans = [
      'experiments/finished.tmp/0/train/0-0.g1.ntk',
      'experiments/unknown.zarr/zarr.json',
      'experiments/unknown.tmp/3/strip/0.g1.predictions',
      'experiments/something-else',
      'datasets/def/train-images.bin',
    ];
    for (const key of [...kept, ...orphans]) await store.put(key, Buffer.from('x'), { durable: false });
    const swept = await sweepOrphans(store, async () => ({
      known: new Set(['running', 'failed', 'finished']),
      finished: new Set(['finished']),
      contents: new Set(['abc']),
    }));
    expect(swept.deleted).toEqual([
      'experiments/finished.tmp',
      'experiments/something-else',
      'experiments/unknown.tmp',
      'experiments/unknown.zarr',
      'datasets/def',
    ]);
    expect(swept.abandonedWrites).toBe(0);
    const left: string[] = [];
    for await (const { key } of store.list('')) left.push(key);
    expect(left.sort()).toEqual([...kept].sort());
  });

  it('goes on after a folder that the storage refuses to delete, and names it', async () => {
    for (const key of ['experiments/a.tmp/x', 'experiments/b.tmp/x', 'datasets/c/x']) {
      await store.put(key, Buffer.from('x'));
    }
    const deletePrefix = store.deletePrefix.bind(store);
    vi.spyOn(store, 'deletePrefix').mockImplementation((prefix) =>
      prefix === 'experiments/a.tmp' ? Promise.reject(new Error('busy')) : deletePrefix(prefix),
    );
    const nothing = { known: new Set<string>(), finished: new Set<string>(), contents: new Set<string>() };
    const { deleted, refused } = await sweepOrphans(store, async () => nothing);
    expect(deleted).toEqual(['experiments/b.tmp', 'datasets/c']);
    expect(refused).toMatchObject([{ folder: 'experiments/a.tmp', error: { message: 'busy' } }]);
    expect(await store.listChildren('experiments')).toEqual(['a.tmp']);
  });

  it('leaves alone an experiment that is made while it runs', async () => {
    await sweepOrphans(store, async () => {
      await store.put('experiments/new.zarr/zarr.json', Buffer.from('x'));
      return { known: new Set(), finished: new Set(), contents: new Set() };
    });
    expect(await store.listChildren('experiments')).toEqual(['new.zarr']);
  });
});

it('deleting an experiment deletes its group, its marker and its temporary pieces only', async () => {
  await markComplete(store, 'a');
  await store.put('experiments/a.tmp/0/x', Buffer.from('x'));
  await markComplete(store, 'ab');
  await deleteExperiment(store, 'a');
  await deleteExperiment(store, 'a');
  expect(await store.listChildren('experiments')).toEqual(['ab.zarr']);
});
