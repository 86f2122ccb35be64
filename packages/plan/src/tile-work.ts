import type { ExperimentSpec, ImageShape } from '@tessera/spec';
import { entriesPerPair } from './cost-model.js';
import type { Plan } from './plan.js';

/** Pixel pairs times layers of one full tile: what faster workers have more of in a second. */
export function tileWork(
  spec: ExperimentSpec,
  { tileSize, axes, trainCount, testCount }: Plan,
  { shape }: { shape: ImageShape },
): number {
  const counts = { train: trainCount, test: testCount, classes: 0, shape };
  return tileSize ** 2 * entriesPerPair(spec, counts) * Math.max(...axes.depth);
}
