/** What a block of predictions is worth: sums over images. */
export interface BlockScore {
  /** Images whose largest prediction is their class; ties go to the lowest class. */
  correct: number;
  /** Sum over images of 1/2 ||f - Y||^2. */
  lossSum: number;
  /** All predictions are finite; when not, the sums mean nothing. */
  finite: boolean;
}

/**
 * Scores C neighbouring columns of predictions.
 * @param predictions row-major, `columns` wide, one row an image
 * @param first the block's first column
 * @param targets row-major images x classes
 */
export function scoreBlock(
  predictions: Float64Array,
  columns: number,
  first: number,
  labels: Int32Array,
  targets: Float64Array,
  classes: number,
): BlockScore {
  const score: BlockScore = { correct: 0, lossSum: 0, finite: true };
  for (let image = 0; image < labels.length; image++) {
    let best = 0;
    let largest = Number.NEGATIVE_INFINITY;
    let squares = 0;
    for (let c = 0; c < classes; c++) {
      const value = predictions[image * columns + first + c] as number;
      if (!Number.isFinite(value)) score.finite = false;
      if (value > largest) {
        largest = value;
        best = c;
      }
      const difference = value - (targets[image * classes + c] as number);
      squares += difference * difference;
    }
    if (best === labels[image]) score.correct++;
    score.lossSum += squares / 2;
  }
  return score;
}

/** Means over images; null where the predictions or the loss are not finite. */
export interface MeanScore {
  accuracy: number | null;
  loss: number | null;
}

export const noScore: MeanScore = { accuracy: null, loss: null };

export function meanScore({ correct, lossSum, finite }: BlockScore, images: number): MeanScore {
  if (!finite || images === 0) return noScore;
  const loss = lossSum / images;
  return { accuracy: correct / images, loss: Number.isFinite(loss) ? loss : null };
}
