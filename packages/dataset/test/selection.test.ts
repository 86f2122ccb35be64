import { type Problem, TesseraError } from '@tessera/spec';
import { describe, expect, it } from 'vitest';
import type { DatasetManifest } from '../src/index.js';
import { selectImages } from '../src/index.js';

/** A data set with the gap 20..29 among its training images, of 3 classes. */
const segments = [
  { split: 'train', start: 0, count: 20 },
  { split: 'train', start: 30, count: 10 },
  { split: 'test', start: 0, count: 9 },
] as const;
const manifest = {
  name: 'tiny',
  classes: 3,
  classNames: ['ant', 'bee', 'cat'],
  segments,
  trainCount: 40,
  testCount: 9,
} as unknown as DatasetManifest;
const trainLabels = Int32Array.from({ length: 40 }, (_, i) =>
  i >= 20 && i < 30 ? -1 : (i < 20 ? i : i - 10) % 3,
);
const dataset = {
  manifest,
  labels: (split: 'train' | 'test') =>
    split === 'train' ? trainLabels : Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1, 2),
};

type Choice = Parameters<typeof selectImages>[1];
const select = (choice: Partial<Choice>) =>
  selectImages(dataset, { train: 1, test: 0, seed: null, ...choice });
function problemsOf(choice: Partial<Choice>): Problem[] {
  try {
    select(choice);
  } catch (error) {
    expect(error).toBeInstanceOf(TesseraError);
    expect((error as TesseraError).code).toBe('invalid-spec');
    return [...(error as TesseraError).problems];
  }
  throw new Error('the selection was taken');
}

describe('a selection', () => {
  it('of a count without a seed is the first images in file order', () => {
    expect(select({ train: 3, test: 2 })).toEqual({
      train: Int32Array.of(0, 1, 2),
      test: Int32Array.of(0, 1),
    });
  });

  it('of a range is that range, on either side of a gap', () => {
    expect(select({ train: { offset: 30, count: 10 } }).train).toEqual(
      Int32Array.from({ length: 10 }, (_, i) => 30 + i),
    );
    expect(select({ train: { offset: 18, count: 2 } }).train).toEqual(Int32Array.of(18, 19));
  });

  it('of indices is in ascending order', () => {
    expect(select({ train: { indices: [39, 4, 30, 10] } }).train).toEqual(Int32Array.of(4, 10, 30, 39));
  });

  it('with a seed is drawn from the images present', () => {
    const { train, test } = select({ train: 30, test: 3, seed: 1 });
    expect([...train]).toEqual([...Array(20).keys(), ...Array.from({ length: 10 }, (_, i) => 30 + i)]);
    expect([...test].map((i) => dataset.labels('test')[i])).toEqual([0, 1, 2]);
  });

  it('of a range ignores the seed', () => {
    expect(select({ train: { offset: 2, count: 2 }, seed: 9 }).train).toEqual(Int32Array.of(2, 3));
  });

  it.each([{ test: 0 }, { test: { offset: 3, count: 0 } }, { test: { indices: [] } }])(
    'may have no test images: $test',
    ({ test }) => {
      expect(select({ test }).test.length).toBe(0);
    },
  );
});

describe('a selection is refused', () => {
  it.each([{ train: 0 }, { train: { offset: 0, count: 0 } }, { train: { indices: [] } }])(
    'without training images: $train',
    ({ train }) => {
      expect(problemsOf({ train })).toEqual([
        { pointer: '/dataset/train', message: 'dataset.train is empty; write at least 1.' },
      ]);
    },
  );

  it('where it reaches a gap or the end, naming what exists', () => {
    expect(problemsOf({ train: 21, test: { offset: 5, count: 5 } })).toEqual([
      {
        pointer: '/dataset/train',
        message: 'dataset.train asks for images 0..20, but of tiny the training images 0..19, 30..39 exist.',
      },
      {
        pointer: '/dataset/test',
        message: 'dataset.test asks for images 5..9, but of tiny the test images 0..8 exist.',
      },
    ]);
    expect(problemsOf({ train: { offset: 29, count: 2 } })).toHaveLength(1);
    expect(problemsOf({ train: { offset: 39, count: 2 } })).toHaveLength(1);
  });

  it('for each index that does not exist or comes twice', () => {
    expect(problemsOf({ train: { indices: [3, 25, 40, 3] }, test: { indices: [9] } })).toEqual([
      {
        pointer: '/dataset/train/indices/1',
        message: 'dataset.train.indices[1] is 25, but of tiny the training images 0..19, 30..39 exist.',
      },
      {
        pointer: '/dataset/train/indices/2',
        message: 'dataset.train.indices[2] is 40, but of tiny the training images 0..19, 30..39 exist.',
      },
      {
        pointer: '/dataset/train/indices/3',
        message: 'dataset.train.indices[3] is 3, but indices[0] is the same image.',
      },
      {
        pointer: '/dataset/test/indices/0',
        message: 'dataset.test.indices[0] is 9, but of tiny the test images 0..8 exist.',
      },
    ]);
  });

  it('with a hundred wrong indices told and the others counted', () => {
    const problems = problemsOf({ train: { indices: Array.from({ length: 150 }, (_, i) => 100 + i) } });
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toEqual({
      pointer: '/dataset/train/indices',
      message: '50 more of dataset.train.indices are wrong.',
    });
  });

  it('with a seed and too few images of a class, naming the class', () => {
    expect(problemsOf({ test: 6, seed: 0 })).toEqual([
      {
        pointer: '/dataset/test',
        message:
          'dataset.test asks for 6 images with classes balanced, but class 2 (cat) has 1 of 2; ask for fewer, or write no seed.',
      },
    ]);
  });

  it('with a seed and more images than are present', () => {
    expect(problemsOf({ train: 31, seed: 0 })[0]?.message).toBe(
      'dataset.train asks for 31 images, but of tiny the training images 0..19, 30..39 exist.',
    );
  });
});
