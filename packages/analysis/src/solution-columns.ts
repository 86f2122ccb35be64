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

/** Writes a row-major block (rows x classes) of solution vectors into its place. */
export function placeBlock(
  solutions: Float64Array,
  layout: SolutionLayout,
  block: number,
  values: Float64Array,
): void {
  const { classes, columns } = layout;
  for (let row = 0; row * columns < solutions.length; row++) {
    const from = values.subarray(row * classes, (row + 1) * classes);
    solutions.set(from, row * columns + block * classes);
  }
}
