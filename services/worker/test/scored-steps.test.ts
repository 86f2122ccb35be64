import { expect, it } from 'vitest';
import { scoredSteps } from '../src/scored-steps.js';

it('scores a network after 1, 2, 5, 10, ... steps, at the times of the flow, and at its end', () => {
  expect(scoredSteps(30, null, [3])).toEqual([1, 2, 5, 10, 20, 30]);
  expect(scoredSteps(30, 2, [0, 3, 10, 14.9, 100])).toEqual([1, 2, 5, 6, 10, 20, 30]);
  expect(scoredSteps(1, 2, [3])).toEqual([1]);
});
