/** Class-balanced random subsets. */
import type { Split } from '@tessera/spec';
import { RandomStream } from './random-stream.js';

/** Streams of one seed: training and test images are drawn independently. */
const streams: Readonly<Record<Split, number>> = { train: 0, test: 1 };

/** A class that has fewer images than a balanced subset needs. */
export interface ShortClass {
  label: number;
  needed: number;
  available: number;
}

/**
 * Draws n images: floor(n / classes) of each class, and one more of each of n mod classes classes drawn among those
 * that have one to spare. First those classes are drawn, then the images class by class, from each class's images in
 * file order.
 * @param labels class of each index; -1 where there is no image
 * @returns ascending indices, or the classes that have too few images
 */
export function drawBalancedSubset(
  labels: Int32Array,
  classes: number,
  count: number,
  seed: number,
  split: Split,
): Int32Array | ShortClass[] {
  const members: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, index) => {
    members[label]?.push(index);
  });
  const each = Math.floor(count / classes);
  const rest = count % classes;
  const sizes = members.map((indices) => indices.length);
  const short = (needed: number): ShortClass[] =>
    sizes.flatMap((available, label) => (available < needed ? [{ label, needed, available }] : []));
  const tooFew = short(each);
  if (tooFew.length > 0) return tooFew;
  const spare = sizes.flatMap((size, label) => (size > each ? [label] : []));
  if (spare.length < rest) return short(each + 1);
  const random = new RandomStream(seed, streams[split]);
  const extra = new Set(random.draw(spare, rest));
  const drawn = members.flatMap((indices, label) => random.draw(indices, each + (extra.has(label) ? 1 : 0)));
  return Int32Array.from(drawn).sort();
}
