/** The named limits of a spec. Limits on plans (tiles, bytes) belong to the plan package. */
export const specLimits = {
  /** Characters of an experiment's name. */
  nameLength: 200,
  /** The deepest layer. */
  depth: 10_000,
  /** Values of one axis of the grid. */
  axisValues: 10_000,
  /** Entries of `analysis.regression.diagReg`, and of `analysis.dynamics.times`. */
  analysisValues: 256,
  /** Entries of a list of image indices. */
  indices: 1_000_000,
  /** The largest image index, count or tile side. */
  index: 2_147_483_647,
  /** Pixels on a side of a convolution's filter. */
  filterSize: 255,
  /** Neurons or channels of a hidden layer of a trained network, its steps, and networks of one kernel and depth. */
  trainingWidth: 16_384,
  trainingSteps: 10_000_000,
  trainingSeeds: 100,
  /** Levels of arrays and objects in a request's JSON; a valid spec has 4. */
  jsonDepth: 16,
  /** Points of one theory request. */
  theoryPoints: 100_000,
} as const;
