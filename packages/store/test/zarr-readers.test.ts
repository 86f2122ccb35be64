import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as zarr from 'zarrita';
import { arrays } from '../src/arrays.js';
import { isComplete, markComplete } from '../src/experiment-group.js';
import { chunkKey, experimentKeys } from '../src/experiment-layout.js';
import { parseNpy } from '../src/npy.js';
import { floatsOf } from '../src/number-bytes.js';
import type { TileStore } from '../src/tile-store.js';
import {
  makeLayout,
  randomArrays,
  smallSizes,
  temporaryStore,
  writeExperiment,
} from './experiment-fixture.js';
import { findPython, runPython } from './python.js';

const python = findPython();
const missingKernel = 2;
// The exact variance axis of a request, which sel() has to find again.
const base = makeLayout(smallSizes);
const layout = {
  ...base,
  axes: { ...base.axes, weightVariance: [1.5, 1.6, 1.7] },
  classNames: ['cat', 'dog', 'Käfer'],
};
const all = randomArrays(layout);

let folder: string;
let store: TileStore;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, store, remove } = await temporaryStore());
  await writeExperiment(store, layout, all, [missingKernel]);
});
afterAll(() => remove());

it('an experiment is complete once it is marked so, by a group that Zarr readers accept', async () => {
  expect(await isComplete(store, layout.id)).toBe(false);
  await markComplete(store, layout.id, { finishedAt: '2026-01-01T00:00:00Z' });
  expect(await isComplete(store, layout.id)).toBe(true);
});

describe('zarrita', () => {
  const keyOf = (path: string) => `${experimentKeys(layout.id).root}${path}`;
  const location = zarr.root({
    get: async (path: `/${string}`) => {
      const isStored = (await store.size(keyOf(path))) !== null;
      return isStored ? new Uint8Array(await store.get(keyOf(path))) : undefined;
    },
    getRange: async (path: `/${string}`, range: zarr.RangeQuery) => {
      const size = await store.size(keyOf(path));
      if (size === null) return undefined;
      const [offset, length] =
        'suffixLength' in range
          ? [size - range.suffixLength, range.suffixLength]
          : [range.offset, range.length];
      return new Uint8Array(await store.getRange(keyOf(path), offset, length));
    },
  });

  it('reads every array, NaN for what is missing', async () => {
    for (const [name, expected] of all) {
      const array = await zarr.open.v3(location.resolve(name), { kind: 'array' });
      const chunk = await zarr.get(array as zarr.Array<'float64', zarr.Readable>);
      expect(chunk.shape).toEqual(expected.shape);
      expect(chunk.data).toEqual(expected.data);
    }
  });

  it('reads dimension names and the names of the kernels', async () => {
    const kappa = await zarr.open.v3(location.resolve('kappa'), { kind: 'array' });
    expect(kappa.dimensionNames).toEqual(['kernel', 'weight_variance', 'bias_variance', 'depth']);
    const kernel = await zarr.open.v3(location.resolve('kernel'), { kind: 'array' });
    expect((await zarr.get(kernel as zarr.Array<'string', zarr.Readable>)).data).toEqual(['ntk', 'nngp']);
  });
});

describe.skipIf(python === null)(
  'zarr-python and xarray (skipped without TESSERA_TEST_PYTHON or .cache/python)',
  () => {
    it('open the group without a warning and read what was written, by coordinate too', async () => {
      const out = await mkdtemp(join(tmpdir(), 'tessera-python-'));
      const group = join(folder, experimentKeys(layout.id).root);
      const seen = JSON.parse(await runPython(python as string, 'read_group.py', [group, out]));
      for (const [name, expected] of all) {
        const npy = parseNpy(await readFile(join(out, `${name}.npy`)));
        expect(npy).toMatchObject({ dtype: '<f8', shape: expected.shape, fortranOrder: false });
        expect(floatsOf(npy.data, '<f8'), name).toEqual(expected.data);
      }
      const described = arrays(layout);
      const variables = described.filter(({ role }) => role !== 'coordinate');
      expect(seen.dims).toEqual(
        Object.fromEntries(variables.map(({ name, dimensions }) => [name, dimensions])),
      );
      expect(seen.arrays).toEqual(described.map(({ name }) => name).sort());
      expect(seen.groups).toEqual(['complete']);
      const coordinates = described.filter(({ role }) => role === 'coordinate');
      expect(seen.index_names).toEqual(coordinates.map(({ name }) => name).sort());
      expect(seen.kernel).toEqual(['ntk', 'nngp']);
      expect(seen.class_names).toEqual(layout.classNames);
      const numbers = async (name: string, dtype: '<f8' | '<i4') => {
        const npy = parseNpy(await readFile(join(out, `${name}.npy`)));
        expect(npy.dtype).toBe(dtype);
        return dtype === '<f8'
          ? [...floatsOf(npy.data, '<f8')]
          : Array.from({ length: npy.data.byteLength / 4 }, (_, i) => npy.data.readInt32LE(4 * i));
      };
      expect(await numbers('weight_variance', '<f8')).toEqual([1.5, 1.6, 1.7]);
      expect(await numbers('depth', '<i4')).toEqual(layout.axes.depth);
      expect(await numbers('train_2', '<i4')).toEqual([...layout.train]);
      expect(await numbers('test', '<i4')).toEqual([...layout.test]);
      expect(await numbers('time', '<f8')).toEqual(layout.axes.times);
      const kappa = all.get('kappa')?.data ?? new Float64Array();
      expect(seen.kappa_at_point).toEqual([...kappa.subarray(9, 12)]);
      expect(seen.zarr_kappa_at_point).toEqual(seen.kappa_at_point);
      expect(seen.attributes).toEqual({
        name: layout.spec.name,
        experiment: layout.id,
        spec: layout.spec,
        provenance: layout.provenance,
      });
      await rm(out, { recursive: true });
    });

    it('refuse the damaged depth of a shard and read the others', async () => {
      const key = chunkKey(layout.id, 'ntk_train_train', [0, 0, 0, 0, 0]);
      const bytes = await store.get(key);
      const damaged = Buffer.from(bytes);
      damaged[3] = (damaged[3] as number) ^ 4;
      await store.put(key, damaged);
      const group = join(folder, experimentKeys(layout.id).root);
      const reading = (depth: string) =>
        runPython(python as string, 'read_damaged.py', [group, 'ntk_train_train', depth]);
      expect((await reading('0')).trim()).not.toBe('read');
      expect((await reading('1')).trim()).toBe('read');
      await store.put(key, bytes);
    });
  },
);
