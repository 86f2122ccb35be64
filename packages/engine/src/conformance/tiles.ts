/** Tasks and images for the conformance tests. */
import type { Architecture, ImageShape } from '@tessera/spec';
import { inputCount } from '@tessera/spec';
import type { ImageBlock, TileArray, TileTask } from '../engine.js';

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

/** One of every activation of the spec. */
export const activations: readonly Architecture['activation'][] = [
  { name: 'identity' },
  { name: 'relu' },
  { name: 'leaky-relu', alpha: 0.1 },
  { name: 'abs' },
  { name: 'abrelu', a: -0.3, b: 0.8 },
  { name: 'erf' },
  { name: 'gelu' },
  { name: 'sin', a: 1.1, b: 0.9, c: 0.3 },
  { name: 'rbf', gamma: 0.8 },
  { name: 'tanh' },
];

/** A task of both kinds; numbers of a network that is neither ordered nor exploding. */
export function taskOf(
  architecture: Architecture,
  rows: ImageBlock,
  cols: ImageBlock | null,
  more: Partial<TileTask> = {},
): TileTask {
  const numbers = { weightVariance: 1.4, biasVariance: 0.1, depths: [3, 0, 1, 7] };
  return { architecture, ...numbers, kernels: ['ntk', 'nngp'], precision: 'f64', rows, cols, ...more };
}

/** One depth of a result's array, in the task's order of depths. */
export function depthOf(array: TileArray, index: number, depths: number): TileArray {
  const size = array.length / depths;
  return array.subarray(index * size, (index + 1) * size);
}

/** The bits of an array, for comparisons that tell -0 from 0 and one NaN from another. */
export const bitsOf = (array: TileArray | null): Buffer =>
  array === null ? Buffer.alloc(0) : Buffer.from(array.buffer, array.byteOffset, array.byteLength);
