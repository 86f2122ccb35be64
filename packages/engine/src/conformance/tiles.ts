/** Tasks and images for the conformance tests. */
import type { Architecture, ImageShape, KernelName } from '@tessera/spec';
import { inputCount } from '@tessera/spec';
import type { ImageBlock, KernelTile, TileArray, TileResult, TileTask } from '../engine.js';

let serial = 0;

/** Images of seeded pseudo-random numbers in (-2.2, 2.2), sums of two uniform ones: variance 0.8. */
export function randomImages(seed: number, count: number, shape: ImageShape): ImageBlock {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const data = Float64Array.from(
    { length: count * inputCount(shape) },
    () => (uniform() + uniform() - 1) * 2.2,
  );
  return { key: `conformance ${serial++}`, count, shape, data };
}

/** Images first..first+count of a block. */
export function sliceBlock(block: ImageBlock, first: number, count: number): ImageBlock {
  const size = inputCount(block.shape);
  const data = block.data.slice(first * size, (first + count) * size);
  return { key: `${block.key} ${first}+${count}`, count, shape: block.shape, data };
}

export const fcn = (activation: Architecture['activation']): Architecture => ({
  family: 'fcn',
  activation,
  filterSize: 3,
  padding: 'circular',
});

/** A task of both kinds and both arrays; numbers of a network that is neither ordered nor exploding. */
export function taskOf(
  architecture: Architecture,
  rows: ImageBlock,
  cols: ImageBlock | null,
  more: Partial<TileTask> = {},
): TileTask {
  return {
    architecture,
    weightVariance: 1.4,
    biasVariance: 0.1,
    depths: [3, 0, 1, 7],
    kernels: ['ntk', 'nngp'],
    arrays: ['matrix', 'complement'],
    precision: 'f64',
    referenceVariance: 0.8,
    rows,
    cols,
    ...more,
  };
}

/** One depth of a result's array, in the task's order of depths. */
export function depthOf(array: TileArray, index: number, depths: number): TileArray {
  const size = array.length / depths;
  return array.subarray(index * size, (index + 1) * size);
}

/** One kind of a result that was asked for it. */
export function kindOf(result: TileResult, kernel: KernelName): KernelTile {
  const tile = result[kernel];
  if (tile === null) throw new Error(`The engine left out ${kernel}.`);
  return tile;
}

/** Every array of a result by a name for messages; null where it was not asked for. */
export function arraysOf(result: TileResult): [name: string, array: TileArray | null][] {
  return (['nngp', 'ntk'] as const).flatMap((kernel) => {
    const tile = result[kernel];
    if (tile === null) return [];
    return Object.entries(tile).map(([name, array]): [string, TileArray | null] => [
      `${kernel} ${name}`,
      array,
    ]);
  });
}

/** The names of those arrays of a result, as far as they were asked for, whose bits are not those of the expected one's. */
export function differing(actual: TileResult, expected: TileResult): string[] {
  const wanted = new Map(arraysOf(expected));
  return arraysOf(actual)
    .filter(([name, array]) => array !== null && !bitsOf(array).equals(bitsOf(wanted.get(name) ?? null)))
    .map(([name]) => name);
}

/** The bits of an array, for comparisons that tell -0 from 0 and one NaN from another. */
export const bitsOf = (array: TileArray | null): Buffer =>
  array === null ? Buffer.alloc(0) : Buffer.from(array.buffer, array.byteOffset, array.byteLength);
