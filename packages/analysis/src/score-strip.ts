import type { Linalg } from '@tessera/linalg';
import { contractStrip, packPredictors } from './contract-strip.js';
import { encodePredictor, type StripPredictor } from './strip-predictor.js';
import { type StripScores, scoresOf, stripRecords } from './strip-scores.js';

/** Rows of test images and the predictor of one analysis to contract them with. */
export interface StripRequest {
  predictor: StripPredictor;
  /** Row-major rows x size: M(test, train) for a plain predictor, its complement for a graded one. */
  values: Float64Array | Float32Array;
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
}

export interface ScoredStrip extends StripScores {
  /** Row-major r x (S * classes). */
  predictions: Float64Array;
}

/** `contractStrip` of one analysis: predictions and scores of a block of test images. */
export async function scoreStrip(linalg: Linalg, request: StripRequest): Promise<ScoredStrip> {
  const { predictor, values, rows, size, classes, ...images } = request;
  const columns = predictor.slopes.length;
  const records = stripRecords(1, columns / classes);
  const predictions = new Float64Array(rows * columns);
  const isGraded = predictor.route === 'graded';
  const block = {
    ...images,
    predictors: packPredictors([encodePredictor(predictor)], size, columns),
    complement: isGraded ? values : null,
    matrix: isGraded ? null : values,
    rows,
    classes,
    records,
    predictions,
  };
  await linalg.cores.run(1, () => contractStrip(block));
  return { ...scoresOf(records, columns / classes), predictions };
}
