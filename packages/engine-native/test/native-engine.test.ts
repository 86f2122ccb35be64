import { dualOf, type ImageBlock, oracleEngine, type TileTask } from '@tessera/engine';
import { describe, expect, it } from 'vitest';
import { instructionSets, openNativeEngine } from '../src/index.js';
import { ReadInCache } from '../src/read-in-cache.js';

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
  arrays: ['matrix', 'complement'],
  precision: 'f64',
  referenceVariance: 1,
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
    const delta = (1 - correlation) * variance;
    const dual = dualOf({ name: 'tanh' });
    const pair = dual.pair({ qa: variance, qb: variance, e: 0, delta });
    const value = dual.variance(variance).value - pair.complement;
    expect(Math.abs((nngp?.matrix?.[1] as number) - value)).toBeLessThan(bound);
    const ntkValue = value + pair.derivative * (variance - delta);
    expect(Math.abs((ntk?.matrix?.[1] as number) - ntkValue)).toBeLessThan(100 * bound);
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

  it.each(['cnn-flatten', 'cnn-gap'] as const)(
    'keeps the digits of a chaotic %s NTK between images, and its bits whatever the other depths',
    async (family) => {
      const shape = { height: 5, width: 4, channels: 2 };
      const images = (key: string, phase: number): ImageBlock => ({
        key,
        count: 2,
        shape,
        data: Float64Array.from({ length: 80 }, (_, i) => 1.4 * Math.sin(phase + i * i)),
      });
      const chaotic = (depths: number[]) =>
        task(images('rows', 0.3), {
          architecture: { ...erf, family },
          weightVariance: 2.5,
          biasVariance: 0.18,
          depths,
          cols: images('cols', 1.7),
        });
      const engine = openNativeEngine();
      const [both, shallow, wanted] = await Promise.all([
        engine.computeTile(chaotic([5, 80])),
        engine.computeTile(chaotic([5])),
        oracleEngine().computeTile(chaotic([5, 80])),
      ]);
      expect(both.ntk?.matrix?.slice(0, 4)).toEqual(shallow.ntk?.matrix);
      wanted.ntk?.matrix?.forEach((value, i) => {
        expect(Math.abs((both.ntk?.matrix?.[i] as number) / value - 1)).toBeLessThan(1e-12);
      });
    },
  );

  it('has the same bits whatever calls of other sizes left in the memory it takes over', async () => {
    const shape = { height: 8, width: 8, channels: 3 };
    const images = (count: number): ImageBlock => ({
      key: `${count}`,
      count,
      shape,
      data: Float64Array.from({ length: count * 192 }, (_, i) => 1.4 * Math.sin(count + i * i)),
    });
    const sizes = [40, 3, 90, 17].flatMap((count) => [1, 12].map((depth) => [count, depth] as const));
    const tasks = sizes.map(([count, depth]) =>
      task(images(count), {
        architecture: { ...erf, family: 'cnn-flatten' },
        depths: [depth],
        precision: depth === 1 ? 'f32' : 'f64',
      }),
    );
    const engine = openNativeEngine();
    const wanted = [];
    for (const one of tasks) wanted.push(await engine.computeTile(one));
    for (let round = 0; round < 3; round++) {
      const found = await Promise.all(tasks.toReversed().map((one) => engine.computeTile(one)));
      expect(found.toReversed()).toEqual(wanted);
    }
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

describe('arrays that are read at some depths only', () => {
  const images = (key: string, count: number) =>
    block(
      key,
      Array.from({ length: 5 * count }, (_, i) => Math.sin(key.length + i * i)),
      5,
    );
  const depths = [7, 0, 3, 12, 4];
  const arraysRead = [['complement'], ['matrix'], ['matrix', 'complement'], ['complement'], []] as const;

  it.each([
    ['f64', false],
    ['f64', true],
    ['f32', false],
    ['f32', true],
  ] as const)(
    'have the bits they have anyway, and nothing is written elsewhere (%s, symmetric %s)',
    async (precision, symmetric) => {
      const engine = openNativeEngine();
      const cols = symmetric ? null : images('cols', 70);
      const asked = task(images('rows', 37), {
        architecture: erf,
        weightVariance: 2.5,
        depths,
        precision,
        cols,
      });
      const whole = await engine.computeTile(asked);
      const some = await engine.computeTile({ ...asked, arraysRead });
      for (const kind of ['nngp', 'ntk'] as const) {
        for (const array of ['matrix', 'complement'] as const) {
          const [all, read] = [whole[kind]?.[array], some[kind]?.[array]];
          const size = (all?.length ?? 0) / depths.length;
          depths.forEach((_, d) => {
            const place = [d * size, (d + 1) * size] as const;
            const isRead = (arraysRead[d] as readonly string[]).includes(array);
            const off = read?.slice(...place);
            if (isRead) expect(off).toEqual(all?.slice(...place));
            else expect(off?.every((x) => x === 0)).toBe(true);
          });
        }
      }
    },
  );
});

describe('the cache of read-ins', () => {
  const readIn = (size: number) => {
    const array = new Float64Array(size);
    return { complement: array, rowVariance: new Float64Array(0), colVariance: new Float64Array(0) };
  };

  it('drops the least recently used beyond its bytes and keeps nothing larger than itself', () => {
    const cache = new ReadInCache(8 * 100);
    cache.set('a', readIn(40));
    cache.set('b', readIn(40));
    expect(cache.get('a')).toBeDefined();
    cache.set('c', readIn(40));
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
    cache.set('d', readIn(101));
    expect(cache.get('d')).toBeUndefined();
    expect(cache.get('c')).toBeDefined();
  });
});
