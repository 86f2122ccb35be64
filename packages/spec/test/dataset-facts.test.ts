import { describe, expect, it } from 'vitest';
import {
  checkSpecAgainst,
  type DatasetFacts,
  inputCount,
  type Problem,
  parseSpec,
  TesseraError,
} from '../src/index.js';
import { specWith } from './valid-spec.js';

const images: DatasetFacts = {
  id: 'cifar10',
  name: 'cifar10',
  source: 'cifar10',
  shape: { height: 32, width: 30, channels: 3 },
  classes: 10,
  classNames: null,
  trainCount: 100,
  testCount: 20,
  segments: [],
};
const vectors: DatasetFacts = { ...images, name: 'vectors', shape: { inputs: 7 } };

function problemsOf(facts: DatasetFacts, ...changes: [string, unknown][]): readonly Problem[] {
  try {
    checkSpecAgainst(parseSpec(specWith(...changes)), facts);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(TesseraError);
    expect((error as TesseraError).code).toBe('invalid-spec');
    return (error as TesseraError).problems;
  }
}
const pointersOf = (...args: Parameters<typeof problemsOf>) =>
  problemsOf(...args).map(({ pointer }) => pointer);

describe('checkSpecAgainst', () => {
  it('accepts fcn on vectors and on images, and cnn on images', () => {
    expect(problemsOf(images)).toEqual([]);
    expect(problemsOf(vectors)).toEqual([]);
    expect(problemsOf(images, ['/architecture/family', 'cnn-gap'])).toEqual([]);
  });

  it('refuses a cnn on vectors', () => {
    expect(pointersOf(vectors, ['/architecture/family', 'cnn-flatten'])).toEqual(['/architecture/family']);
  });

  it('refuses a filter larger than the image, for cnn families only', () => {
    const filter: [string, unknown] = ['/architecture/filterSize', 31];
    expect(pointersOf(images, ['/architecture/family', 'cnn-gap'], filter)).toEqual([
      '/architecture/filterSize',
    ]);
    expect(pointersOf(images, filter)).toEqual([]);
    expect(pointersOf(images, ['/architecture/family', 'cnn-gap'], ['/architecture/filterSize', 29])).toEqual(
      [],
    );
  });

  it('refuses images beyond the data set, however they are selected, all at once', () => {
    expect(pointersOf(images, ['/dataset/train', 101], ['/dataset/test', 21])).toEqual([
      '/dataset/train',
      '/dataset/test',
    ]);
    expect(pointersOf(images, ['/dataset/train', { offset: 99, count: 2 }])).toEqual(['/dataset/train']);
    expect(pointersOf(images, ['/dataset/test', { indices: [0, 20] }])).toEqual(['/dataset/test/indices/1']);
    const last: [string, unknown][] = [
      ['/dataset/train', { offset: 99, count: 1 }],
      ['/dataset/test', { indices: [19] }],
    ];
    expect(pointersOf(images, ...last)).toEqual([]);
  });

  it('names the numbers that do not fit', () => {
    expect(problemsOf(images, ['/dataset/train', 101])[0]?.message).toBe(
      'dataset.train asks for 101 images, but cifar10 has 100 training images.',
    );
  });
});

it('inputCount counts the values of an image or a vector', () => {
  expect(inputCount({ height: 32, width: 32, channels: 3 })).toBe(3072);
  expect(inputCount({ inputs: 7 })).toBe(7);
});
