import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawBalancedSubset } from '../src/balanced-subset.js';

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** Labels of a data set in which every class has at least `least` images, gaps (-1) included. */
const labelled = (classes: number, least: number) =>
  fc
    .array(fc.integer({ min: -1, max: classes - 1 }), { minLength: 1, maxLength: 60 })
    .map((random) =>
      Int32Array.from([...random, ...Array.from({ length: classes * least }, (_, i) => i % classes)]),
    );

function countsOf(labels: Int32Array, indices: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const index of indices)
    counts[labels[index] as number] = (counts[labels[index] as number] as number) + 1;
  return counts;
}

describe('a seeded subset', () => {
  it('has n distinct ascending images that exist, and class counts that differ by one at most', () => {
    fc.assert(
      fc.property(labelled(5, 8), fc.integer({ min: 1, max: 40 }), seeds, (labels, n, seed) => {
        const drawn = drawBalancedSubset(labels, 5, n, seed, 'train') as Int32Array;
        expect(drawn).toBeInstanceOf(Int32Array);
        expect(drawn.length).toBe(n);
        expect([...drawn]).toEqual([...new Set(drawn)].sort((a, b) => a - b));
        expect(drawn.every((index) => (labels[index] as number) >= 0)).toBe(true);
        const counts = countsOf(labels, drawn, 5);
        expect(Math.min(...counts)).toBe(Math.floor(n / 5));
        expect(Math.max(...counts)).toBe(Math.ceil(n / 5));
      }),
    );
  });

  it('is the same for the same seed and another for another', () => {
    const labels = Int32Array.from({ length: 1000 }, (_, i) => i % 10);
    const draw = (seed: number) => drawBalancedSubset(labels, 10, 256, seed, 'train');
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('of training images is drawn independently of that of test images', () => {
    const labels = Int32Array.from({ length: 1000 }, (_, i) => i % 10);
    const [train, test] = (['train', 'test'] as const).map(
      (split) => new Set(drawBalancedSubset(labels, 10, 100, 5, split) as Int32Array),
    );
    const shared = [...(train as Set<number>)].filter((index) => test?.has(index)).length;
    expect(shared).toBeLessThan(30);
  });

  it('gives the remainder to classes that the seed draws, each as often as the others', () => {
    const labels = Int32Array.from({ length: 40 }, (_, i) => i % 4);
    const extra = new Array<number>(4).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      const counts = countsOf(labels, drawBalancedSubset(labels, 4, 9, seed, 'train') as Int32Array, 4);
      const label = counts.indexOf(3);
      extra[label] = (extra[label] as number) + 1;
    }
    // Binomial(2000, 1/4): deviation 19.4; five of them.
    for (const count of extra) expect(Math.abs(count - 500)).toBeLessThan(97);
  });

  it('draws every image of a class as often as the others', () => {
    const labels = new Int32Array(8);
    const counts = new Array<number>(8).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      for (const index of drawBalancedSubset(labels, 1, 2, seed, 'test') as Int32Array) {
        counts[index] = (counts[index] as number) + 1;
      }
    }
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(97);
  });

  it('may be smaller than the number of classes', () => {
    const labels = Int32Array.from({ length: 30 }, (_, i) => i % 10);
    const drawn = drawBalancedSubset(labels, 10, 3, 0, 'train') as Int32Array;
    expect(new Set([...drawn].map((index) => labels[index])).size).toBe(3);
  });

  it('is refused where a class has too few, with what each short class has', () => {
    const labels = Int32Array.of(0, 0, 0, 1, 2, 2, 2, -1);
    expect(drawBalancedSubset(labels, 3, 6, 0, 'train')).toEqual([{ label: 1, needed: 2, available: 1 }]);
    expect(drawBalancedSubset(Int32Array.of(0, 1, 1, 1, 2), 3, 5, 0, 'train')).toEqual([
      { label: 0, needed: 2, available: 1 },
      { label: 2, needed: 2, available: 1 },
    ]);
  });

  it('takes its remainder from classes that have one to spare', () => {
    const labels = Int32Array.of(0, 1, 1, 2);
    for (let seed = 0; seed < 20; seed++) {
      expect(drawBalancedSubset(labels, 3, 4, seed, 'train')).toEqual(Int32Array.of(0, 1, 2, 3));
    }
  });

  it('is drawn by the documented generator: the same images for ever', () => {
    const labels = Int32Array.from({ length: 10_000 }, (_, i) => i % 10);
    expect([...(drawBalancedSubset(labels, 10, 12, 20191213, 'train') as Int32Array)]).toEqual([
      12, 294, 1748, 3646, 3970, 4027, 4452, 5825, 6451, 6603, 6733, 8089,
    ]);
    expect([...(drawBalancedSubset(labels, 10, 12, 20191213, 'test') as Int32Array)]).toEqual([
      140, 231, 1036, 1625, 3549, 4085, 5587, 6028, 6974, 8201, 9903, 9952,
    ]);
  });
});
