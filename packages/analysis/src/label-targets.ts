import type { Labels } from '@tessera/spec';

/**
 * Regression targets Y of images: one-hot minus a shift of each class column. The shift is 0 (`one-hot`), 1/classes
 * (`centered`) or the column's mean over the training images (`centered-over-images`), for test images too.
 * @param labels class of each image
 * @param trainLabels class of each training image
 * @returns row-major images x classes
 */
export function labelTargets(
  labels: Int32Array,
  classes: number,
  kind: Labels,
  trainLabels: Int32Array,
): Float64Array {
  const shift = columnShift(classes, kind, trainLabels);
  const targets = new Float64Array(labels.length * classes);
  labels.forEach((label, image) => {
    for (let c = 0; c < classes; c++) {
      targets[image * classes + c] = (c === label ? 1 : 0) - (shift[c] as number);
    }
  });
  return targets;
}

function columnShift(classes: number, kind: Labels, trainLabels: Int32Array): Float64Array {
  const shift = new Float64Array(classes);
  if (kind === 'one-hot') return shift;
  if (kind === 'centered') return shift.fill(1 / classes);
  for (const label of trainLabels) shift[label] = (shift[label] as number) + 1;
  return shift.map((count) => count / trainLabels.length);
}
