import type { ImageShape } from '@tessera/spec';

/** What a plan needs to know of the data set: the chosen images, the classes, the shape. */
export interface PlanCounts {
  train: number;
  test: number;
  classes: number;
  shape: ImageShape;
}
