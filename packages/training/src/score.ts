/** Means over images; null where there are none or a prediction is not finite. */
export interface MeanScore {
  accuracy: number | null;
  loss: number | null;
}

/**
 * What predictions are worth, by the same measures as the kernel's: the share of images whose largest output is their
 * class (ties go to the lowest), and the mean of 1/2 |f - Y|^2.
 * @param predicted (images, outputs), as the targets
 */
export function scoreOf(predicted: Float32Array, labels: Int32Array, targets: Float64Array): MeanScore {
  const images = labels.length;
  const outputs = predicted.length / images;
  if (images === 0 || !predicted.every(Number.isFinite)) return { accuracy: null, loss: null };
  let [correct, squares] = [0, 0];
  for (let image = 0; image < images; image++) {
    let best = 0;
    for (let c = 0; c < outputs; c++) {
      const value = predicted[image * outputs + c] as number;
      if (value > (predicted[image * outputs + best] as number)) best = c;
      squares += (value - (targets[image * outputs + c] as number)) ** 2;
    }
    if (best === labels[image]) correct++;
  }
  return { accuracy: correct / images, loss: squares / 2 / images };
}
