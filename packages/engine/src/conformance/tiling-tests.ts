/** Bits: an entry is the same in whatever tile it is computed, and a tile is exactly symmetric. */
import type { Architecture, Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import type { Engine, ImageBlock, TileArray, TileTask } from '../engine.js';
import { bitsOf, depthOf, fcn, randomImages, sliceBlock, taskOf } from './tiles.js';

interface Example {
  title: string;
  architecture: Architecture;
  images: ImageBlock;
  depths: number[];
}

const examples = (): Example[] => {
  const vectors = randomImages(31, 70, { inputs: 37 });
  const images = randomImages(32, 9, { height: 5, width: 6, channels: 3 });
  const cnn = { activation: { name: 'relu' }, filterSize: 3 } as const;
  return [
    { title: 'fcn erf', architecture: fcn({ name: 'erf' }), images: vectors, depths: [0, 2, 9] },
    { title: 'fcn relu', architecture: fcn({ name: 'relu' }), images: vectors, depths: [9, 1] },
    {
      title: 'flatten',
      architecture: { ...cnn, family: 'cnn-flatten', padding: 'same' },
      images,
      depths: [0, 3],
    },
    {
      title: 'pooling',
      architecture: { ...cnn, family: 'cnn-gap', padding: 'circular' },
      images,
      depths: [0, 3],
    },
  ];
};

/** The whole matrix put together from tiles on and above the diagonal, as a plan computes it. */
async function assemble(engine: Engine, task: TileTask, tileSize: number): Promise<TileArray> {
  const n = task.rows.count;
  const depths = task.depths.length;
  const whole =
    task.precision === 'f64' ? new Float64Array(depths * n * n) : new Float32Array(depths * n * n);
  for (let top = 0; top < n; top += tileSize) {
    for (let left = top; left < n; left += tileSize) {
      const rows = sliceBlock(task.rows, top, Math.min(tileSize, n - top));
      const cols = top === left ? null : sliceBlock(task.rows, left, Math.min(tileSize, n - left));
      const tile = (await engine.computeTile({ ...task, rows, cols })).ntk as TileArray;
      const width = (cols ?? rows).count;
      for (let d = 0; d < depths; d++) {
        for (let i = 0; i < rows.count; i++) {
          for (let j = 0; j < width; j++) {
            const value = tile[(d * rows.count + i) * width + j] as number;
            whole[(d * n + top + i) * n + left + j] = value;
            whole[(d * n + left + j) * n + top + i] = value;
          }
        }
      }
    }
  }
  return whole;
}

export function tilingTests(engine: Engine): void {
  describe.each(engine.info.precisions)('tiles in %s', (precision) => {
    it.each(examples())(
      '$title: tiles of 1, 3, 7 and 64 give the bits of the untiled matrix',
      async (example) => {
        const task = exampleTask(example, precision);
        const untiled = (await engine.computeTile(task)).ntk;
        for (const tileSize of [1, 3, 7, 64]) {
          const tiled = await assemble(engine, task, tileSize);
          expect(bitsOf(tiled).equals(bitsOf(untiled)), `tiles of ${tileSize}`).toBe(true);
        }
      },
      60_000,
    );

    it.each(examples())('$title: a symmetric tile is symmetric to the last bit', async (example) => {
      const { ntk, nngp } = await engine.computeTile(exampleTask(example, precision));
      const n = example.images.count;
      for (const array of [ntk, nngp] as TileArray[]) {
        for (let d = 0; d < example.depths.length; d++) {
          const matrix = depthOf(array, d, example.depths.length);
          const transposed = matrix.map((_, at) => matrix[(at % n) * n + Math.floor(at / n)] as number);
          expect(bitsOf(matrix).equals(bitsOf(transposed))).toBe(true);
        }
      }
    });

    it('pairs an image with itself by its variance: the diagonal does not depend on the other images', async () => {
      const images = randomImages(41, 20, { inputs: 30 });
      const chaotic = { precision, weightVariance: 2.5, biasVariance: 0.18, depths: [100] };
      const whole = await engine.computeTile(taskOf(fcn({ name: 'erf' }), images, null, chaotic));
      for (const i of [0, 7, 19]) {
        const alone = sliceBlock(images, i, 1);
        const single = await engine.computeTile(taskOf(fcn({ name: 'erf' }), alone, null, chaotic));
        expect(whole.ntk?.[i * 20 + i]).toBe(single.ntk?.[0]);
        expect(whole.nngp?.[i * 20 + i]).toBe(single.nngp?.[0]);
      }
    });

    it('does not take equal bytes for the same image', async () => {
      // In the chaotic phase two images of equal bytes are still one point; a pair of them runs the pair recursion.
      const images = randomImages(42, 2, { inputs: 30 });
      images.data.copyWithin(30, 0, 30);
      const { nngp } = await engine.computeTile(
        taskOf(fcn({ name: 'relu' }), images, null, { precision, depths: [5] }),
      );
      expect(nngp).toHaveLength(4);
      expect(Math.abs((nngp?.[1] as number) / (nngp?.[0] as number) - 1)).toBeLessThan(
        precision === 'f64' ? 1e-13 : 1e-5,
      );
    });

    it('gives only the kinds asked for, with the depths in the order asked for', async () => {
      const images = randomImages(43, 5, { inputs: 8 });
      const task = taskOf(fcn({ name: 'gelu' }), images, null, {
        precision,
        depths: [6, 0, 2],
        kernels: ['nngp'],
      });
      const some = await engine.computeTile(task);
      const sorted = await engine.computeTile({ ...task, depths: [0, 2, 6], kernels: ['nngp', 'ntk'] });
      expect(some.ntk).toBeNull();
      const [a, b] = [some.nngp as TileArray, sorted.nngp as TileArray];
      expect([...depthOf(a, 0, 3)]).toEqual([...depthOf(b, 2, 3)]);
      expect([...depthOf(a, 1, 3)]).toEqual([...depthOf(b, 0, 3)]);
      expect([...depthOf(a, 2, 3)]).toEqual([...depthOf(b, 1, 3)]);
    });
  });
}

const exampleTask = ({ architecture, images, depths }: Example, precision: Precision): TileTask =>
  taskOf(architecture, images, null, { precision, depths });
