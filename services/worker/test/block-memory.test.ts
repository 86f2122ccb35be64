import { describe, expect, it } from 'vitest';
import { BlockMemory, type BlockShape } from '../src/block-memory.js';

const shape = {
  kernels: ['ntk'],
  arrays: ['complement'],
  precision: 'f64',
  length: 6,
  mostLength: 8,
} as const;
const take = (memory: BlockMemory, change: Partial<BlockShape> = {}) => memory.take({ ...shape, ...change });
const bufferOf = (result: ReturnType<typeof take>) => result.ntk?.complement?.buffer;

describe('the memory of blocks', () => {
  it('gives what was asked for', () => {
    const result = take(new BlockMemory(), { kernels: ['nngp'], arrays: ['matrix'], precision: 'f32' });
    expect(result.ntk).toBeNull();
    expect(result.nngp).toMatchObject({ matrix: new Float32Array(6), complement: null });
  });

  it('hands out again what was given back, to smaller blocks and those of another precision too', () => {
    const memory = new BlockMemory();
    const first = take(memory);
    expect(bufferOf(take(memory))).not.toBe(bufferOf(first));
    memory.giveBack(first);
    const second = take(memory, { precision: 'f32', length: 4, mostLength: 15 });
    expect(bufferOf(second)).toBe(bufferOf(first));
    expect(second.ntk?.complement).toHaveLength(4);
  });

  it('takes the smallest that is large enough', () => {
    const memory = new BlockMemory();
    const [large, small] = [take(memory, { mostLength: 100 }), take(memory, { mostLength: 10 })];
    memory.giveBack(large);
    memory.giveBack(small);
    expect(bufferOf(take(memory, { mostLength: 9 }))).toBe(bufferOf(small));
    expect(bufferOf(take(memory, { mostLength: 9 }))).toBe(bufferOf(large));
  });

  it('holds no more than was ever in work at once', () => {
    const memory = new BlockMemory();
    const first = take(memory);
    memory.giveBack(first);
    const larger = take(memory, { mostLength: 12 });
    memory.giveBack(larger);
    expect(bufferOf(take(memory))).toBe(bufferOf(larger));
    expect(bufferOf(take(memory))).not.toBe(bufferOf(first));
  });
});
