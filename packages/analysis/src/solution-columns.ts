import type { StripPredictor } from './strip-predictor.js';

/**
 * How the solution vectors of one matrix lie side by side, and with them predictions and scores: blocks of `classes`
 * columns, the mean predictor first, then the times, then the ridges, both in request order. The one place that knows.
 */
export interface SolutionLayout {
  /** S: the mean predictor, the times, the ridges. */
  blocks: number;
  /** C, columns of a block. */
  classes: number;
  /** S * C. */
  columns: number;
  meanPredictor: number;
  /** Block of the i-th time. */
  time(i: number): number;
  /** Block of the i-th ridge. */
  ridge(i: number): number;
}

export function solutionColumns(
  times: readonly number[],
  ridges: readonly number[],
  classes: number,
): SolutionLayout {
  const blocks = 1 + times.length + ridges.length;
  return {
    blocks,
    classes,
    columns: blocks * classes,
    meanPredictor: 0,
    time: (i) => 1 + i,
    ridge: (i) => 1 + times.length + i,
  };
}

/**
 * Puts solved columns (one block of `classes`, or several neighbouring ones) into their place.
 * @param block the first of them
 */
export function placeBlock(
  predictor: Pick<StripPredictor, 'solutions' | 'slopes' | 'constants'>,
  { classes, columns }: SolutionLayout,
  block: number,
  { solutions, slopes, constants }: Pick<StripPredictor, 'solutions' | 'slopes' | 'constants'>,
): void {
  const first = block * classes;
  const width = slopes.length;
  predictor.slopes.set(slopes, first);
  predictor.constants.set(constants, first);
  for (let row = 0; row * columns < predictor.solutions.length; row++) {
    predictor.solutions.set(solutions.subarray(row * width, (row + 1) * width), row * columns + first);
  }
}
