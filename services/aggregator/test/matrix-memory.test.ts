import { describe, expect, it } from 'vitest';
import { type AnalysisMemory, MatrixMemory } from '../src/matrix-memory.js';

const tileBytes = 100;

describe('memory of analyses', () => {
  const take = (memory: MatrixMemory, size: number, hasVectors = false, bytes = tileBytes) =>
    memory.run(size, bytes, hasVectors, async (one) => one);

  it('is used again by the next of its size, whether or not that needs eigenvectors', async () => {
    const memory = new MatrixMemory();
    const first = await take(memory, 8, true);
    expect(first.matrix).toHaveLength(64);
    expect(first.room.byteLength).toBe(tileBytes);
    expect(await take(memory, 8)).toBe(first);
    expect(await take(memory, 8, true)).toBe(first);
  });

  it('is given to one analysis at a time', async () => {
    const memory = new MatrixMemory();
    const held: AnalysisMemory[] = [];
    const hold = memory.run(8, tileBytes, false, async (one) => {
      held.push(one, await take(memory, 8));
    });
    await hold;
    expect(held[0]).not.toBe(held[1]);
  });

  it.each([
    ['another size', 9, false, tileBytes],
    ['eigenvectors that it has no place for', 8, true, tileBytes],
    ['larger tiles', 8, false, tileBytes + 1],
  ])('is dropped for %s', async (_, size, hasVectors, bytes) => {
    const memory = new MatrixMemory();
    const first = await take(memory, 8);
    const other = await take(memory, size, hasVectors, bytes);
    expect(other).not.toBe(first);
    expect(other.room.byteLength).toBe(bytes);
    expect(await take(memory, size, hasVectors, bytes)).toBe(other);
  });

  it('of a large matrix is not kept, also where its analysis fails', async () => {
    const memory = new MatrixMemory();
    const first = await take(memory, 2049);
    // Vitest would compare four million numbers.
    expect((await take(memory, 2049)) === first).toBe(false);
    await expect(
      memory.run(8, tileBytes, false, async () => Promise.reject(new Error('no'))),
    ).rejects.toThrow('no');
  });
});
