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
  let correct = 0;
  let lossSum = 0;
  let finite = true;
  // Every entry of every block passes here: no call and no object within the loops.
  for (let image = 0; image < labels.length; image++) {
    const from = image * columns + first;
    const targetFrom = image * classes;
    let best = 0;
    let largest = Number.NEGATIVE_INFINITY;
    let squares = 0;
    for (let c = 0; c < classes; c++) {
      const value = predictions[from + c] as number;
      // NaN and infinities alone differ from themselves or leave NaN.
      if (value - value !== 0) finite = false;
      if (value > largest) {
        largest = value;
        best = c;
      }
      const difference = value - (targets[targetFrom + c] as number);
      squares += difference * difference;
    }
    if (best === labels[image]) correct++;
    lossSum += squares / 2;
  }
  return { correct, lossSum, finite };
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
