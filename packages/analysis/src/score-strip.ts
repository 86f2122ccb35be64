import type { Linalg } from '@tessera/linalg';
import { scoreBlock } from './score-block.js';
import { predictStrip, type StripMemory, type StripPredictor, stripMemory } from './strip-predictor.js';
import type { StripScores } from './strip-scores.js';

/** Rows of test images and the predictor to contract them with. */
export interface StripRequest {
  predictor: StripPredictor;
  /** Row-major rows x size: M(test, train) for a plain predictor, its complement for a graded one. */
  values: Float64Array;
  /** Deviations of the test images, as many as rows. */
  rowDeviations: Float64Array;
  /** r, test images. */
  rows: number;
  /** m, training images. */
  size: number;
  classes: number;
  /** Class of each of these test images. */
  testLabels: Int32Array;
  /** Row-major r x classes, as the spec's `labels` say. */
  targets: Float64Array;
  /** Row-major r x classes, centred over the training images. */
  meanTargets: Float64Array;
  /** For at least so many rows; new memory where left out. */
  memory?: StripMemory;
}

export interface ScoredStrip extends StripScores {
  /** Row-major r x (S * classes); in the request's memory where it gave some. */
  predictions: Float64Array;
}

/**
 * Predicts and scores a block of test images: one matrix product, then sums in row order, so that the bits depend on
 * the arguments alone. Values or solutions that are not finite give blocks marked not finite, no error.
 */
export async function scoreStrip(linalg: Linalg, request: StripRequest): Promise<ScoredStrip> {
  const { predictor, values, rowDeviations, rows, classes, testLabels, targets, meanTargets } = request;
  const columns = predictor.slopes.length;
  const memory = request.memory ?? stripMemory(rows, predictor.center.length, columns);
  const predictions = await predictStrip(linalg, predictor, values, rowDeviations, rows, memory);
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
