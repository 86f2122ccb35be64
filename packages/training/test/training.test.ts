import { memory } from '@tensorflow/tfjs-core';
import { type ImageBlock, oracleEngine } from '@tessera/engine';
import { openBackend } from '@tessera/engine-tfjs';
import { type Architecture, inputCount } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import {
  empiricalNtk,
  maximalRate,
  type NetworkSpec,
  type TrainingTask,
  trainNetwork,
} from '../src/index.js';

await openBackend('wasm');

/** Seeded images of about unit variance. */
function images(count: number, shape: NetworkSpec['shape']): Float64Array {
  let state = 7;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float64Array.from({ length: count * inputCount(shape) }, () => (uniform() + uniform() - 1) * 2.4);
}

/** (rows, cols) of the infinitely wide network's NTK. */
async function ntk(spec: NetworkSpec, rows: Float64Array, cols: Float64Array | null): Promise<Float64Array> {
  const block = (data: Float64Array): ImageBlock => ({
    key: String(data.length),
    count: data.length / inputCount(spec.shape),
    shape: spec.shape,
    data,
  });
  const { weightVariance, biasVariance, architecture } = spec;
  const result = await oracleEngine().computeTile({
    architecture,
    weightVariance,
    biasVariance,
    depths: [spec.depth],
    kernels: ['ntk'],
    arrays: ['matrix'],
    precision: 'f64',
    referenceVariance: 1,
    rows: block(rows),
    cols: cols && block(cols),
  });
  return result.ntk?.matrix as Float64Array;
}

const architecture = (
  family: Architecture['family'],
  padding: Architecture['padding'],
  name: 'erf' | 'relu' | 'gelu',
): Architecture => ({
  family,
  padding,
  activation: { name },
  filterSize: 3,
});

const relative = (found: ArrayLike<number>, wanted: ArrayLike<number>) => {
  let [apart, whole] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    apart += ((found[i] as number) - (wanted[i] as number)) ** 2;
    whole += (wanted[i] as number) ** 2;
  }
  return Math.sqrt(apart / whole);
};

const vectors: NetworkSpec = {
  architecture: architecture('fcn', 'circular', 'erf'),
  weightVariance: 1.5,
  biasVariance: 0.1,
  depth: 2,
  width: 64,
  outputs: 1,
  shape: { inputs: 12 },
};

const pictures = (family: 'cnn-flatten' | 'cnn-gap'): NetworkSpec => ({
  ...vectors,
  architecture: architecture(family, 'circular', 'erf'),
  depth: 1,
  shape: { height: 3, width: 2, channels: 2 },
});

describe('the empirical NTK', () => {
  it.each([
    ['fcn', vectors],
    ['cnn-flatten', pictures('cnn-flatten')],
    ['cnn-gap', pictures('cnn-gap')],
  ] as const)(
    'comes as near to the analytic one as one over the root of the width: slope -1/2, %s',
    async (_, network) => {
      const data = images(4, network.shape);
      const wanted = await ntk(network, data, null);
      const points: [number, number][] = [];
      for (const width of [16, 64, 256]) {
        let squares = 0;
        const seeds = width > 100 ? 24 : 48;
        for (let seed = 0; seed < seeds; seed++) {
          squares += relative(await empiricalNtk({ ...network, width }, data, seed), wanted) ** 2;
        }
        points.push([Math.log(width), Math.log(Math.sqrt(squares / seeds))]);
      }
      const [x, y] = [0, 1].map(
        (axis) => points.reduce((sum, point) => sum + (point[axis] as number), 0) / points.length,
      ) as [number, number];
      const slope =
        points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0) /
        points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
      expect(slope).toBeGreaterThan(-0.6);
      expect(slope).toBeLessThan(-0.4);
      expect(Math.exp(points[2]?.[1] as number)).toBeLessThan(0.15);
    },
  );

  it.each([
    ['cnn-flatten', 'circular', 'relu'],
    ['cnn-flatten', 'same', 'erf'],
    ['cnn-gap', 'circular', 'gelu'],
    ['cnn-gap', 'same', 'relu'],
  ] as const)('is that of %s networks with %s padding and %s', async (family, padding, name) => {
    const spec = {
      ...vectors,
      architecture: architecture(family, padding, name),
      width: 128,
      shape: { height: 4, width: 3, channels: 2 },
    };
    const data = images(2, spec.shape);
    const wanted = await ntk(spec, data, null);
    const mean = new Float64Array(wanted.length);
    const seeds = 6;
    for (let seed = 0; seed < seeds; seed++) {
      for (const [at, v] of (await empiricalNtk(spec, data, seed)).entries())
        mean[at] = (mean[at] as number) + v / seeds;
    }
    expect(relative(mean, wanted)).toBeLessThan(0.08);
  });
});

describe('training', () => {
  const spec = { ...vectors, width: 1024, outputs: 2 };
  const [train, test] = [images(8, spec.shape), images(11, spec.shape).slice(8 * 12)];
  const labels = Float64Array.from({ length: 16 }, (_, i) => (i % 2 === Math.floor(i / 2) % 2 ? 0.5 : -0.5));
  const task = (more: Partial<TrainingTask>): TrainingTask => ({
    network: spec,
    seed: 3,
    train,
    test,
    labels,
    learningRate: 0.01,
    batch: null,
    steps: 10,
    ...more,
  });

  it("follows what the kernel predicts at the theory's rate: f <- f - eta Theta (f - Y), on train and test images", async () => {
    const kernel = await ntk(spec, train, null);
    const cross = await ntk(spec, test, train);
    // lambda_max by the power method.
    let vector = new Float64Array(8).fill(1);
    let lambdaMax = 0;
    for (let i = 0; i < 200; i++) {
      const next = vector.map((_, row) =>
        vector.reduce((sum, v, col) => sum + (kernel[row * 8 + col] as number) * v, 0),
      );
      lambdaMax = Math.hypot(...next);
      vector = next.map((v) => v / lambdaMax);
    }
    // Half of the largest: at the largest itself the top mode neither grows nor dies, and finite networks wander.
    const learningRate = maximalRate(lambdaMax) / 2;
    const steps = 60;
    const [f, g] = [new Float64Array(16), new Float64Array(6)];
    for (let step = 0; step < steps; step++) {
      const apart = f.map((v, i) => v - (labels[i] as number));
      const move = (into: Float64Array, rows: Float64Array) => {
        for (let at = 0; at < into.length; at++) {
          const [row, output] = [Math.floor(at / 2), at % 2];
          let sum = 0;
          for (let j = 0; j < 8; j++)
            sum += (rows[row * 8 + j] as number) * (apart[j * 2 + output] as number);
          into[at] = (into[at] as number) - learningRate * sum;
        }
      };
      move(f, kernel);
      move(g, cross);
    }
    const trained = await trainNetwork(task({ learningRate, steps }));
    expect(relative(trained.train, f)).toBeLessThan(0.05);
    expect(relative(trained.test, g)).toBeLessThan(0.1);
  });

  it.each(['fcn', 'cnn-flatten', 'cnn-gap'] as const)(
    'goes on from a checkpoint to the bits of an uninterrupted run, in batches too; cancels; leaves no tensor: %s',
    async (family) => {
      const shape = family === 'fcn' ? spec.shape : { height: 2, width: 2, channels: 3 };
      const small = { ...spec, architecture: architecture(family, 'circular', 'erf'), width: 32, shape };
      const whole = await trainNetwork(task({ network: small, batch: 3, steps: 14 }));
      let saved: Uint8Array | null = null;
      const controller = new AbortController();
      const write = async (bytes: Uint8Array, step: number) => {
        saved = bytes;
        if (step === 10) controller.abort();
      };
      const stopped = trainNetwork(task({ network: small, batch: 3, steps: 14 }), {
        save: { isDue: (step) => step % 5 === 0, write },
        signal: controller.signal,
      });
      await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
      const seen: number[] = [];
      const again = await trainNetwork(task({ network: small, batch: 3, steps: 14 }), {
        checkpoint: saved,
        onProgress: (step) => seen.push(step),
      });
      expect(seen).toEqual([11, 12, 13, 14]);
      expect(again).toEqual(whole);
      await expect(trainNetwork(task({}), { checkpoint: saved })).rejects.toThrow(
        /no checkpoint of this network/,
      );
      const score = { steps: [1, 40], take() {} };
      const wild = await trainNetwork(task({ network: small, learningRate: 100, steps: 60 }), { score });
      expect(wild).toMatchObject({ step: 40, diverged: true });
      expect(memory().numTensors).toBe(0);
    },
  );
});
