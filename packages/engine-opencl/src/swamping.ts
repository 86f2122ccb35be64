/** Where pairs of pixels must carry Theta through the layers (docs/decisions/0008-complement-form.md). */
import { dualOf, type TileTask } from '@tessera/engine';

/**
 * Of each depth, ascending: whether Delta swamps Theta, so that (Theta_aa + Theta_bb)/2 - Delta would lose it. True of chaotic networks,
 * where an image of the reference variance has Theta_aa > 2 (l + 1) q; neither tiles nor other depths have a say.
 */
export function swampedDepths(
  task: Pick<TileTask, 'architecture' | 'weightVariance' | 'biasVariance' | 'referenceVariance'>,
  depths: readonly number[],
): boolean[] {
  const dual = dualOf(task.architecture.activation);
  let q = task.referenceVariance;
  let theta = q;
  let layer = 0;
  return depths.map((depth) => {
    for (; layer < depth; layer++) {
      const { value, derivative } = dual.variance(q);
      q = task.weightVariance * value + task.biasVariance;
      theta = task.weightVariance * derivative * theta + q;
    }
    return !(theta <= 2 * (depth + 1) * q);
  });
}
