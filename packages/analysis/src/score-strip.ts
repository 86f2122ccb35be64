import type { Linalg } from '@tessera/linalg';
import { scoreBlock } from './score-block.js';
import type { StripScores } from './strip-scores.js';

/** Rows of Theta(test, train) and the solution vectors to contract them with. */
export interface StripRequest {
  /** Row-major rows x size. */
  kernel: Float64Array;
  /** r, test images. */
  rows: number;
  /** m, training images. */
  size: number;
  /** Row-major m x (S * classes), laid out by `solutionColumns`. */
  solutions: Float64Array;
  classes: number;
  /** Class of each of these test images. */
  testLabels: Int32Array;
  /** Row-major r x classes, as the spec's `labels` say. */
  targets: Float64Array;
  /** Row-major r x classes, centred over the training images. */
  meanTargets: Float64Array;
}

export interface ScoredStrip extends StripScores {
  /** Row-major r x (S * classes). */
  predictions: Float64Array;
}

/**
 * Predicts and scores a block of test images: one matrix product, then sums in row order, so that the bits depend on
 * the arguments alone. A kernel or solutions that are not finite give blocks marked not finite, no error.
 */
export async function scoreStrip(linalg: Linalg, request: StripRequest): Promise<ScoredStrip> {
  const { kernel, rows, size, solutions, classes, testLabels, targets, meanTargets } = request;
  const columns = solutions.length / size;
  const predictions = await linalg.gemm({ m: rows, n: columns, k: size, a: kernel, b: solutions });
  const scores = Array.from({ length: columns / classes }, (_, block) => {
    const blockTargets = block === 0 ? meanTargets : targets;
    return scoreBlock(predictions, columns, block * classes, testLabels, blockTargets, classes);
  });
  let meanPredictorSquares = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < classes; c++) {
      const value = predictions[row * columns + c] as number;
      meanPredictorSquares += value * value;
    }
  }
  let meanTargetSquares = 0;
  for (const value of meanTargets) meanTargetSquares += value * value;
  return {
    predictions,
    images: rows,
    correct: scores.map((score) => score.correct),
    lossSum: scores.map((score) => score.lossSum),
    finite: scores.map((score) => score.finite),
    meanPredictorSquares,
    meanTargetSquares,
  };
}
