import { describe, expect, it } from 'vitest';
import { importSynthetic, openDataset, syntheticSha256 } from '../src/index.js';
import { python, runPython } from './python.js';
import { openScratch } from './scratch.js';

describe('the synthetic data set', () => {
  it('is the same on every machine, and marked as made up', async () => {
    const { store, keys } = await openScratch();
    const manifest = await importSynthetic(store);
    expect(manifest).toMatchObject({
      sha256: syntheticSha256,
      source: 'synthetic',
      synthetic: true,
      shape: { height: 32, width: 32, channels: 3 },
      classes: 10,
      trainCount: 10_000,
      testCount: 10_000,
    });
    const stored = await keys();
    expect(await importSynthetic(store)).toEqual(manifest);
    expect(await keys()).toEqual(stored);
  });

  it('is stored again where a file of it is gone', async () => {
    const { store, keys } = await openScratch();
    await importSynthetic(store);
    const stored = await keys();
    await store.delete(stored[0] as string);
    await importSynthetic(store);
    expect(await keys()).toEqual(stored);
  });

  it('has classes that can be told apart: the nearest mean of 100 images a class finds over half of the others', async () => {
    const { store } = await openScratch();
    const dataset = await openDataset(store, (await importSynthetic(store)).sha256);
    const range = (start: number, count: number) => Int32Array.from({ length: count }, (_, i) => start + i);
    const train = await dataset.rawImages('train', range(0, 1000));
    const test = await dataset.rawImages('test', range(0, 300));
    const means = Array.from({ length: 10 }, () => new Float64Array(3072));
    train.forEach((value, i) => {
      const mean = means[dataset.labels('train')[Math.floor(i / 3072)] as number] as Float64Array;
      mean[i % 3072] = (mean[i % 3072] as number) + value / 100;
    });
    let correct = 0;
    for (let image = 0; image < 300; image++) {
      const distances = means.map((mean) =>
        mean.reduce((sum, v, i) => sum + (v - (test[3072 * image + i] as number)) ** 2, 0),
      );
      const nearest = distances.indexOf(Math.min(...distances));
      if (nearest === dataset.labels('test')[image]) correct += 1;
    }
    expect(correct).toBeGreaterThan(150);
    // Not a task without error either.
    expect(correct).toBeLessThan(300);
  });

  it.skipIf(python === null && !process.env.CI)(
    'follows its documented recipe, written again in numpy (skipped without a Python with numpy)',
    async () => {
      const { store } = await openScratch();
      const dataset = await openDataset(store, (await importSynthetic(store)).sha256);
      const expected = runPython(`
import json
import numpy as np
u32 = lambda v: np.asarray(v, dtype=np.uint64) & np.uint64(0xffffffff)
def mix(v):
    h = u32(v); h ^= h >> np.uint64(16); h = u32(h * np.uint64(0x85ebca6b)); h ^= h >> np.uint64(13)
    h = u32(h * np.uint64(0xc2b2ae35)); return h ^ (h >> np.uint64(16))
def random(s, n): return mix(mix(u32(s) + np.uint64(20191213)) + u32(u32(n) * np.uint64(0x9e3779b9))).astype(np.int64)
y, x = np.mgrid[:32, :32]
def wave(t): t = t % 256; return np.where(t < 128, t - 64, 191 - t)
def template(c):
    out = np.zeros((32, 32, 3), np.int64)
    for k in range(3):
        for j in range(4):
            r = int(random(c, 4 * k + j))
            out[..., k] += wave(8 * (((r & 3) + 1) * x + ((r >> 2) & 3) * y) + ((r >> 8) & 255))
    return out
def image(i):
    s, c = 1000 + i, i % 10
    r, q = int(random(s, 0)), int(random(s, 1))
    dx, dy, a, o = (r & 7) - 4, ((r >> 3) & 7) - 4, 5 + ((r >> 6) & 7), ((r >> 9) & 63) - 32
    e, ex, ey, b = (c + 1 + (r >> 15) % 9) % 10, q & 31, (q >> 5) & 31, (q >> 10) & 7
    noise = random(s, np.arange(2, 2 + 768)).astype('<u4').view(np.uint8).astype(np.int64).reshape(32, 32, 3)
    own = template(c)[(y + dy) % 32, (x + dx) % 32]
    other = template(e)[(y + ey) % 32, (x + ex) % 32]
    return np.clip(128 + o + ((a * own + b * other) >> 5) + ((noise - 128) >> 1), 0, 255)
print(json.dumps([image(i).ravel().tolist() for i in (0, 1, 37, 9999, 10000, 19999)]))
`) as number[][];
      const train = await dataset.rawImages('train', Int32Array.of(0, 1, 37, 9999));
      const test = await dataset.rawImages('test', Int32Array.of(0, 9999));
      expect([...train, ...test]).toEqual(expected.flat());
    },
  );
});
