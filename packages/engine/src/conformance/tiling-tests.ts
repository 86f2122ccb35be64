/** Bits: an entry is the same in whatever tile it is computed, and a tile is exactly symmetric. */
import type { Architecture, Precision } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import {
  allocateResult,
  type Engine,
  type ImageBlock,
  type KernelTile,
  type TileArray,
  type TileResult,
  type TileTask,
} from '../engine.js';
import {
  arraysOf,
  bitsOf,
  depthOf,
  differing,
  fcn,
  kindOf,
  randomImages,
  sliceBlock,
  taskOf,
} from './tiles.js';
import { tolerances } from './tolerances.js';

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
    {
      title: 'pooling with zero padding',
      architecture: { ...cnn, family: 'cnn-gap', padding: 'same' },
      images: sliceBlock(images, 0, 5),
      depths: [0, 3],
    },
  ];
};

/** The whole result put together from tiles on and above the diagonal, as a plan computes it. */
async function assemble(engine: Engine, task: TileTask, tileSize: number): Promise<TileResult> {
  const n = task.rows.count;
  const whole = allocateResult(task);
  for (let top = 0; top < n; top += tileSize) {
    for (let left = top; left < n; left += tileSize) {
      const rows = sliceBlock(task.rows, top, Math.min(tileSize, n - top));
      const cols = top === left ? null : sliceBlock(task.rows, left, Math.min(tileSize, n - left));
      const tile = await engine.computeTile({ ...task, rows, cols });
      const at = { top, left, height: rows.count, width: (cols ?? rows).count, n };
      for (const kernel of task.kernels)
        place(kindOf(whole, kernel), kindOf(tile, kernel), at, task.depths.length);
    }
  }
  return whole;
}

interface Place {
  top: number;
  left: number;
  height: number;
  width: number;
  n: number;
}

function place(
  whole: KernelTile,
  tile: KernelTile,
  { top, left, height, width, n }: Place,
  depths: number,
): void {
  for (let d = 0; d < depths; d++) {
    for (const name of ['matrix', 'complement'] as const) {
      const [into, from] = [whole[name] as TileArray, tile[name] as TileArray];
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          const value = from[(d * height + i) * width + j] as number;
          into[(d * n + top + i) * n + left + j] = value;
          into[(d * n + left + j) * n + top + i] = value;
        }
      }
    }
    const own = (array: Float64Array, count: number) => array.subarray(d * count, (d + 1) * count);
    whole.reference[d] = tile.reference[d] as number;
    whole.rowDeviations.set(own(tile.rowDeviations, height), d * n + top);
    whole.colDeviations.set(own(tile.colDeviations, width), d * n + left);
  }
}

/** @param tileSizes what an untiled matrix is put together from */
export function tilingTests(engine: Engine, tileSizes: readonly number[]): void {
  const supported = examples().filter(({ architecture }) => engine.supports(architecture) === null);
  describe.each(engine.info.precisions)('tiles in %s', (precision) => {
    it.each(supported)(
      `$title: tiles of ${tileSizes.join(', ')} give the bits of the untiled matrix`,
      async (example) => {
        const task = exampleTask(example, precision);
        const untiled = await engine.computeTile(task);
        for (const tileSize of tileSizes) {
          const tiled = await assemble(engine, task, tileSize);
          expect(differing(tiled, untiled), `tiles of ${tileSize}`).toEqual([]);
        }
      },
      60_000,
    );

    it.each(supported)('$title: a symmetric tile is symmetric to the last bit', async (example) => {
      const result = await engine.computeTile(exampleTask(example, precision));
      const n = example.images.count;
      const matrices = (['ntk', 'nngp'] as const).flatMap((kernel) => {
        const { matrix, complement, rowDeviations, colDeviations } = kindOf(result, kernel);
        expect([...colDeviations]).toEqual([...rowDeviations]);
        return [matrix, complement];
      });
      for (const array of matrices as TileArray[]) {
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
        for (const kernel of ['ntk', 'nngp'] as const) {
          const [all, one] = [kindOf(whole, kernel), kindOf(single, kernel)];
          expect(all.matrix?.[i * 20 + i]).toBe(one.matrix?.[0]);
          expect(all.complement?.[i * 20 + i]).toBe(0);
          expect(all.rowDeviations[i]).toBe(one.rowDeviations[0]);
        }
      }
    });

    it('finds two images of equal bytes no distance apart at any depth', async () => {
      const images = randomImages(42, 2, { inputs: 30 });
      images.data.copyWithin(30, 0, 30);
      for (const name of ['relu', 'erf'] as const) {
        const result = await engine.computeTile(
          taskOf(fcn({ name }), images, null, { precision, weightVariance: 2.5, depths: [5, 100] }),
        );
        for (const kernel of ['ntk', 'nngp'] as const) {
          const { matrix, complement } = kindOf(result, kernel);
          expect([...(complement as TileArray)]).toEqual(new Array(8).fill(0));
          const ratio = (matrix?.[1] as number) / (matrix?.[0] as number);
          expect(Math.abs(ratio - 1)).toBeLessThan(precision === 'f64' ? 1e-12 : 1e-4);
        }
      }
    });

    it.each(supported)('$title: M = (v_a + v_b)/2 - E, v its reference and deviations', async (example) => {
      const task = exampleTask({ ...example, depths: [0, 1, 4] }, precision);
      const half = Math.floor(task.rows.count / 2);
      const rows = sliceBlock(task.rows, 0, half);
      const cols = sliceBlock(task.rows, half, task.rows.count - half);
      const result = await engine.computeTile({ ...task, rows, cols });
      for (const kernel of task.kernels) {
        expect(identityError(kindOf(result, kernel), 3, rows.count, cols.count)).toBeLessThan(
          precision === 'f64' ? tolerances.matrix.f64 : tolerances.matrix.f32[0].tolerance,
        );
      }
    });

    it.each(supported)(
      '$title: arrays and kinds asked for singly have the bits of all together',
      async (example) => {
        const task = exampleTask(example, precision);
        const together = await engine.computeTile(task);
        for (const kernels of [['nngp'], ['ntk'], ['nngp', 'ntk']] as const) {
          for (const arrays of [['matrix'], ['complement'], []] as const) {
            const some = await engine.computeTile({ ...task, kernels, arrays });
            const given = arraysOf(some).filter(([, array]) => array !== null);
            expect(given).toHaveLength(kernels.length * (arrays.length + 3));
            expect(differing(some, together)).toEqual([]);
          }
        }
      },
    );

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
      for (const name of ['matrix', 'complement', 'reference', 'rowDeviations'] as const) {
        const [a, b] = [kindOf(some, 'nngp')[name] as TileArray, kindOf(sorted, 'nngp')[name] as TileArray];
        expect([...depthOf(a, 0, 3)]).toEqual([...depthOf(b, 2, 3)]);
        expect([...depthOf(a, 1, 3)]).toEqual([...depthOf(b, 0, 3)]);
        expect([...depthOf(a, 2, 3)]).toEqual([...depthOf(b, 1, 3)]);
      }
    });
  });
}

/** The largest |M - ((v_a + v_b)/2 - E)| of any entry over the largest of M, v and E. */
function identityError(tile: KernelTile, depths: number, rows: number, cols: number): number {
  let difference = 0;
  let largest = 0;
  for (let d = 0; d < depths; d++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        const at = (d * rows + i) * cols + j;
        const deviation =
          ((tile.rowDeviations[d * rows + i] as number) + (tile.colDeviations[d * cols + j] as number)) / 2;
        const v = (tile.reference[d] as number) + deviation;
        const [m, e] = [tile.matrix?.[at] as number, tile.complement?.[at] as number];
        difference = Math.max(difference, Math.abs(m - (v - e)));
        largest = Math.max(largest, Math.abs(m), Math.abs(v), Math.abs(e));
      }
    }
  }
  return difference / largest;
}

const exampleTask = ({ architecture, images, depths }: Example, precision: Precision): TileTask =>
  taskOf(architecture, images, null, { precision, depths });
