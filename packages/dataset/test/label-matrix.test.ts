import { expect, it } from 'vitest';
import { labelMatrix } from '../src/index.js';

const train = Int32Array.of(0, 0, 1, 2);

it('one-hot labels are 1 at the class', () => {
  expect([...labelMatrix(Int32Array.of(2, 0), 3, 'one-hot', train)]).toEqual([0, 0, 1, 1, 0, 0]);
});

it('centered labels have rows that sum to 0', () => {
  expect([...labelMatrix(Int32Array.of(1), 4, 'centered', train)]).toEqual([-0.25, 0.75, -0.25, -0.25]);
});

it('labels centered over images have training columns that sum to 0, and shift test labels by the same', () => {
  const matrix = labelMatrix(train, 3, 'centered-over-images', train);
  for (const column of [0, 1, 2]) {
    expect([0, 1, 2, 3].reduce((sum, row) => sum + (matrix[3 * row + column] as number), 0)).toBe(0);
  }
  expect([...labelMatrix(Int32Array.of(1), 3, 'centered-over-images', train)]).toEqual([-0.5, 0.75, -0.25]);
});
