/** Regression targets. */
import type { Labels } from '@tessera/spec';

/**
 * Class indices as rows of targets: `one-hot`; `centered` = one-hot minus 1/classes; `centered-over-images` = one-hot
 * minus the mean of the columns over the training images, the same shift for test images.
 * @param trainClassIndices classes of the chosen training images
 * @returns (n, classes) row-major
 */
export function labelMatrix(
  classIndices: Int32Array,
  classes: number,
  kind: Labels,
  trainClassIndices: Int32Array,
): Float64Array {
  const shift = new Float64Array(classes);
  if (kind === 'centered') shift.fill(1 / classes);
  if (kind === 'centered-over-images') {
    for (const label of trainClassIndices) shift[label] = (shift[label] as number) + 1;
    for (let label = 0; label < classes; label++) {
      shift[label] = (shift[label] as number) / trainClassIndices.length;
    }
  }
  const matrix = new Float64Array(classIndices.length * classes);
  classIndices.forEach((own, row) => {
    for (let label = 0; label < classes; label++) {
      matrix[row * classes + label] = (label === own ? 1 : 0) - (shift[label] as number);
    }
  });
  return matrix;
}
