import { engine as tfjs } from '@tensorflow/tfjs-core';
import { oracleEngine, type TileTask } from '@tessera/engine';
import { relativeError } from '@tessera/engine/conformance';
import { describe, expect, it } from 'vitest';
import { openTfjsEngine } from '../src/index.js';

// The plain backend, whose numbers are JavaScript's: the conformance suite runs on WebAssembly.
const engine = await openTfjsEngine({ backend: 'cpu' });

function bytes(count: number, inputs: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count * inputs }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Images of bytes; with `own` each minus its mean, scaled to |x|^2 = inputs. */
function block(
  key: string,
  pixels: Uint8Array,
  count: number,
  shape: TileTask['rows']['shape'],
  own: boolean,
) {
  const inputs = pixels.length / count;
  const data = Float64Array.from(pixels, (v) => (v - 121) * (1 / 64));
  if (own) {
    for (let i = 0; i < count; i++) {
      const image = data.subarray(i * inputs, (i + 1) * inputs);
      const mean = image.reduce((sum, v) => sum + v, 0) / inputs;
      const norm = Math.sqrt(image.reduce((sum, v) => sum + (v - mean) ** 2, 0) / inputs);
      for (const [x, v] of image.entries()) image[x] = (v - mean) / norm;
    }
  }
  const normalization = own
    ? ({ kind: 'own' } as const)
    : ({ kind: 'shared', offset: 121, factor: 1 / 64 } as const);
  return { key: `${key} ${own}`, count, shape, data, bytes: { pixels, normalization } };
}

const task = (rows: TileTask['rows'], more: Partial<TileTask> = {}): TileTask => ({
  architecture: { family: 'fcn', activation: { name: 'erf' }, filterSize: 3, padding: 'circular' },
  weightVariance: 1.3,
  biasVariance: 0.1,
  depths: [0, 3],
  kernels: ['nngp', 'ntk'],
  arrays: ['matrix', 'complement'],
  precision: 'f32',
  referenceVariance: 1,
  rows,
  cols: null,
  ...more,
});

const complementsOf = async (rows: TileTask['rows'], more: Partial<TileTask> = {}) => {
  const found = await engine.computeTile(task(rows, more));
  const wanted = await oracleEngine().computeTile(task(rows, { ...more, precision: 'f64' }));
  return [found.ntk?.complement, wanted.ntk?.complement] as [Float32Array, Float64Array];
};

describe('the TensorFlow.js engine', () => {
  it.each([false, true])(
    'tells images that differ in a single grey level apart (own scale: %s)',
    async (own) => {
      const pixels = bytes(3, 700, 5);
      pixels.copyWithin(700, 0, 700);
      pixels[900] = ((pixels[900] as number) + 1) % 256;
      const [found, wanted] = await complementsOf(block('near', pixels, 3, { inputs: 700 }, own));
      for (const [at, value] of wanted.entries()) {
        expect(Math.abs((found[at] as number) - value)).toBeLessThanOrEqual(5e-6 * value);
      }
    },
  );

  it('reads pixels of bytes exactly, in every padding', async () => {
    const rows = block('pixels', bytes(2, 48, 7), 2, { height: 4, width: 4, channels: 3 }, false);
    for (const padding of ['circular', 'same'] as const) {
      for (const family of ['cnn-flatten', 'cnn-gap'] as const) {
        const architecture = { family, padding, activation: { name: 'relu' }, filterSize: 3 } as const;
        const [found, wanted] = await complementsOf(rows, { architecture });
        expect(relativeError(found, wanted), `${family} ${padding}`).toBeLessThan(5e-6);
      }
    }
  });

  it('leaves no tensor and no byte behind over a thousand tiles, cancelled ones among them', async () => {
    const rows = block('many', bytes(4, 27, 9), 4, { height: 3, width: 3, channels: 3 }, false);
    const pooled = {
      family: 'cnn-gap',
      padding: 'same',
      activation: { name: 'sin', a: 1, b: 1, c: 0.2 },
      filterSize: 3,
    } as const;
    const some = async (tiles: number) => {
      for (let i = 0; i < tiles; i++) {
        await engine.computeTile(task({ ...rows, key: `many ${i % 40}` }));
        if (i % 50 > 0) continue;
        await engine.computeTile(task(rows, { architecture: pooled }));
        const controller = new AbortController();
        const tile = engine.computeTile(
          task(rows, { architecture: pooled, depths: [200] }),
          controller.signal,
        );
        setImmediate(() => controller.abort());
        await expect(tile).rejects.toMatchObject({ code: 'cancelled' });
      }
      const { numTensors, numBytes } = tfjs().memory();
      return { numTensors, numBytes };
    };
    const before = await some(50);
    expect(await some(1000)).toEqual(before);
    expect(before.numTensors).toBe(0);
  });

  it('has the bits of a tile in one piece where it is computed in blocks', async () => {
    const rows = block('blocks', bytes(9, 27, 11), 9, { height: 3, width: 3, channels: 3 }, false);
    const small = await openTfjsEngine({ backend: 'cpu', entries: 9 * 9 * 2 });
    for (const family of ['fcn', 'cnn-flatten', 'cnn-gap'] as const) {
      for (const padding of ['circular', 'same'] as const) {
        const architecture = { family, padding, activation: { name: 'gelu' }, filterSize: 3 } as const;
        const [whole, parts] = [
          await engine.computeTile(task(rows, { architecture })),
          await small.computeTile(task(rows, { architecture })),
        ];
        expect(parts).toEqual(whole);
      }
    }
  });

  it('says what it has not', async () => {
    const rows = block('refused', bytes(2, 8, 3), 2, { inputs: 8 }, false);
    const tanh = { family: 'fcn', padding: 'circular', activation: { name: 'tanh' }, filterSize: 3 } as const;
    expect(engine.supports(tanh)).toMatch(/tanh/);
    await expect(engine.computeTile(task(rows, { architecture: tanh }))).rejects.toThrow(/tanh/);
    await expect(engine.computeTile(task(rows, { precision: 'f64' }))).rejects.toThrow(/float64.*f32/);
    await expect(openTfjsEngine({ backend: 'wasm' })).rejects.toThrow(/another/);
    expect(engine.info).toMatchObject({ name: 'tfjs', device: 'cpu (cpu)', precisions: ['f32'] });
  });
});
