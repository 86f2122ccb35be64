import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importNpz, openDataset } from '../src/index.js';
import { python, runPython } from './python.js';
import { openScratch } from './scratch.js';

// In CI a Python that is not there is a failure, not a skip.
const isSkipped = python === null && !process.env.CI;

describe.skipIf(isSkipped)('archives that numpy writes (skipped without a Python with numpy)', () => {
  const dtypes = ['u1', '<f4', '>f4', '<f8', '>f8'];
  const labels = ['i1', 'u1', '<i2', '>u2', '<i4', '>i4', '<u4', '<i8', '>i8', '<u8'];

  it('come out as numpy sees them: every dtype, order, shape and compression', async () => {
    const { store, folder } = await openScratch();
    const cases = runPython(
      `
import itertools, json, sys
import numpy as np
folder, dtypes, labels = sys.argv[1], sys.argv[2].split(','), sys.argv[3].split(',')
rng = np.random.default_rng(1)
out = []
for i, (dtype, order, shape, save) in enumerate(itertools.product(dtypes, 'CF', [(5, 3, 4, 2), (5, 7), (1, 2, 2, 1), (5, 1)], ['savez', 'savez_compressed'])):
    y_type = labels[i % len(labels)]
    x = rng.integers(0, 256, shape) if dtype == 'u1' else rng.normal(size=shape)
    x = np.array(x.astype(dtype), order=order)
    y = (np.arange(shape[0]) * 3 % 11).astype(y_type)
    if i % 3 == 0: y = y[:, None]
    getattr(np, save)(f'{folder}/{i}.npz', x_train=x, y_train=y, x_test=x[::-1], y_test=y[::-1])
    out.append({'dtype': dtype, 'order': order, 'shape': shape, 'x': x.astype('f8').ravel().tolist(), 'y': y.ravel().tolist()})
print(json.dumps(out))
`,
      folder,
      dtypes.join(','),
      labels.join(','),
    ) as { dtype: string; order: string; shape: number[]; x: number[]; y: number[] }[];
    expect(cases).toHaveLength(80);
    for (const [number, { shape, x, y, ...rest }] of cases.entries()) {
      const manifest = await importNpz(store, join(folder, `${number}.npz`));
      const dataset = await openDataset(store, manifest.sha256);
      const count = shape[0] as number;
      const ascending = Int32Array.from({ length: count }, (_, i) => i);
      const what = `case ${number}: ${JSON.stringify({ shape, ...rest })}`;
      expect(manifest.classes, what).toBe(1 + Math.max(...y));
      expect([...dataset.labels('train')], what).toEqual(y);
      expect([...(await dataset.rawImages('train', ascending))], what).toEqual(x);
      expect([...(await dataset.rawImages('test', ascending.toReversed()))], what).toEqual(x);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('.npz-'))).toEqual([]);
  });

  it('are read with zip64 and in pieces larger than any buffer', async () => {
    const { store, folder } = await openScratch();
    const sums = runPython(
      `
import io, json, sys, zipfile
import numpy as np
rng = np.random.default_rng(2)
x = np.asfortranarray(rng.normal(size=(3000, 8, 8, 3)))
with zipfile.ZipFile(sys.argv[1] + '/a.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
    for name, array in (('x_train', x), ('y_train', np.arange(3000) % 7)):
        with archive.open(name + '.npy', 'w', force_zip64=True) as file:
            np.lib.format.write_array(file, array)
print(json.dumps(x.reshape(3000, -1).sum(1).tolist()))
`,
      folder,
    ) as number[];
    const manifest = await importNpz(store, join(folder, 'a.npz'));
    const dataset = await openDataset(store, manifest.sha256);
    const images = await dataset.rawImages(
      'train',
      Int32Array.from({ length: 3000 }, (_, i) => i),
    );
    sums.forEach((sum, i) => {
      const own = images.subarray(192 * i, 192 * (i + 1)).reduce((total, v) => total + v, 0);
      expect(Math.abs(own - sum)).toBeLessThan(1e-11);
    });
  });

  it('with objects in them are refused without reading a pickle', async () => {
    const { store, folder } = await openScratch();
    runPython(
      `
import sys, numpy as np
class Bomb:
    def __reduce__(self): return (exec, ("raise SystemExit('read')",))
x = np.empty((2, 2), dtype=object); x[:] = Bomb()
np.savez(sys.argv[1] + '/a.npz', x_train=x, y_train=np.arange(2)); print(0)
`,
      folder,
    );
    await expect(importNpz(store, join(folder, 'a.npz'))).rejects.toMatchObject({
      code: 'invalid-dataset',
      problems: [{ pointer: '/x_train', message: expect.stringMatching(/Python objects/) }],
    });
  });
});
