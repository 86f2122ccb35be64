import { dualOf, type ImageBlock, type TileTask } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { GramCache } from '../src/gram-cache.js';
import { instructionSets, openNativeEngine } from '../src/index.js';

const block = (key: string, values: number[], inputs: number): ImageBlock => ({
  key,
  count: values.length / inputs,
  shape: { inputs },
  data: Float64Array.from(values),
});

const task = (rows: ImageBlock, more: Partial<TileTask>): TileTask => ({
  architecture: { family: 'fcn', activation: { name: 'tanh' }, filterSize: 3, padding: 'circular' },
  weightVariance: 1,
  biasVariance: 0,
  depths: [1],
  kernels: ['nngp', 'ntk'],
  precision: 'f64',
  rows,
  cols: null,
  ...more,
});

describe('the native engine', () => {
  it.each([
    [1, 0.99, 1e-13],
    [2, 0.99, 1e-12],
    [4, 0.9, 1e-12],
    [4, 0.99, 1e-10],
    [9, 0.9, 1e-11],
  ])('computes tanh at variance %d and correlation %d to %d', async (variance, correlation, bound) => {
    const norm = Math.sqrt(2 * variance);
    const angle = Math.acos(correlation);
    const rows = block(
      `${variance} ${correlation}`,
      [norm, 0, norm * Math.cos(angle), norm * Math.sin(angle)],
      2,
    );
    const engine = openNativeEngine();
    const { nngp, ntk } = await engine.computeTile(task(rows, {}));
    const k = correlation * variance;
    const { value, derivative } = dualOf({ name: 'tanh' })(variance, variance, k);
    expect(Math.abs((nngp?.[1] as number) - value)).toBeLessThan(bound);
    expect(Math.abs((ntk?.[1] as number) - value - derivative * k)).toBeLessThan(100 * bound);
  });

  it('refuses tanh for image networks and an instruction set this CPU lacks', () => {
    const engine = openNativeEngine();
    const cnn = { family: 'cnn-gap', activation: { name: 'tanh' }, filterSize: 3, padding: 'same' } as const;
    expect(engine.supports(cnn)).toMatch(/tanh/);
    expect(() => openNativeEngine({ instructionSet: 'mmx' })).toThrow(/mmx/);
  });

  it('has one fingerprint for each instruction set', () => {
    const fingerprints = instructionSets().map(
      (name) => openNativeEngine({ instructionSet: name }).info.fingerprint,
    );
    expect(new Set(fingerprints).size).toBe(instructionSets().length);
  });

  it('takes the read-in of blocks it has seen from its cache, with the same bits', async () => {
    const values = Array.from({ length: 5 * 9 }, (_, i) => Math.sin(i));
    const rows = block('cached', values, 9);
    const engine = openNativeEngine();
    const first = await engine.computeTile(task(rows, { architecture: erf }));
    // The same key promises the same bytes; other bytes under it would not be looked at.
    const again = await engine.computeTile(
      task({ ...rows, data: new Float64Array(45) }, { architecture: erf }),
    );
    expect(again).toEqual(first);
    const other = await openNativeEngine({ cacheBytes: 0 }).computeTile(task(rows, { architecture: erf }));
    expect(other).toEqual(first);
  });
});

const erf = { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' } as const;

describe('the cache of read-ins', () => {
  const gram = (size: number) => {
    const array = new Float64Array(size);
    return { covariance: array, rowVariance: new Float64Array(0), colVariance: new Float64Array(0) };
  };

  it('drops the least recently used beyond its bytes and keeps nothing larger than itself', () => {
    const cache = new GramCache(8 * 100);
    cache.set('a', gram(40));
    cache.set('b', gram(40));
    expect(cache.get('a')).toBeDefined();
    cache.set('c', gram(40));
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
    cache.set('d', gram(101));
    expect(cache.get('d')).toBeUndefined();
    expect(cache.get('c')).toBeDefined();
  });
});
