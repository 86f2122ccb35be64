/**
 * The cost table: what work costs, in nanoseconds of one core. The built-in one decides the sizes of tiles, batches and
 * strips, so that these follow from the spec alone; estimates of time take it with what the workers measured (rates.ts).
 * Nothing numerical depends on it.
 */
import type { ActivationName, Precision } from '@tessera/spec';

export type ByPrecision = Readonly<Record<Precision, number>>;

/** What runs through the layers: numbers of pairs of images, or planes of pairs of pixels. */
export type LayerForm = 'fcn' | 'cnn';
export const layerForms = ['fcn', 'cnn'] as const satisfies LayerForm[];

/** The activation whose arithmetic stands for another's: what is measured of it scales the other's cost. */
export type ProbedActivation = 'erf' | 'relu';
export const probeOf: Readonly<Record<ActivationName, ProbedActivation>> = {
  identity: 'relu',
  relu: 'relu',
  'leaky-relu': 'relu',
  abs: 'relu',
  abrelu: 'relu',
  erf: 'erf',
  gelu: 'erf',
  sin: 'erf',
  rbf: 'erf',
  tanh: 'erf',
};

export interface CostTable {
  /** ns per entry and layer, NNGP and NTK together (the NNGP alone costs the same), without a filter. */
  readonly layer: Readonly<Record<LayerForm, Readonly<Record<ActivationName, ByPrecision>>>>;
  /** ns per entry, layer and unit of filter size (rows, then columns), both kinds' planes. */
  readonly filter: ByPrecision;
  /** ns per multiply-add of the read-in product. */
  readonly gramMultiplyAdd: number;
  /** ns per multiply-add of a dgemm with tens of columns. */
  readonly gemmMultiplyAdd: number;
  /** Eigendecomposition with and without vectors: ns per m^3 and per m^2, the matrix in a cache. */
  readonly eigenvectors: { readonly cube: number; readonly square: number };
  readonly eigenvalues: { readonly cube: number; readonly square: number };
  /**
   * ns per entry that a symmetric matrix-vector product reads (a triangle), of a matrix that no cache holds and of one
   * that it does. The reduction to tridiagonal form makes such a product for each row: m^3 / 6 entries.
   */
  readonly streamedEntry: number;
  readonly cachedEntry: number;
  /** dpotrf, ns per m^3. */
  readonly cholesky: number;
  /** ns per entry of a matrix that is assembled, transformed and scanned for one analysis. */
  readonly matrixEntry: number;
  /** ns per entry of a test-train matrix that is taken from the training images' means before it is contracted. */
  readonly stripEntry: number;
  /** ns per prediction (a test image, an output column) that is compared with its target. */
  readonly prediction: number;
  /** ns per byte written without waiting for the disk, written durably, and read and verified. */
  readonly writeByte: number;
  readonly durableByte: number;
  readonly readByte: number;
  /**
   * Networks of finite width, on TensorFlow.js: ns per multiply-add, per number of a layer in a step, per parameter that a step
   * moves, per step, and per network.
   */
  readonly trainMultiplyAdd: number;
  readonly trainEntry: number;
  readonly trainParameter: number;
  readonly trainStep: number;
  readonly trainStart: number;
  /** ns per task beside its work: claiming, reading images, writing rows. */
  readonly task: number;
  /** ns per analysis that do not depend on m: the row, the vectors. */
  readonly analysis: number;
}

const reluLike = { fcn: { f64: 1.75, f32: 0.6 }, cnn: { f64: 0.96, f32: 0.38 } } as const;

/**
 * Measured with the native engine and OpenBLAS on one core with AVX-512: planes of pixels (relu, erf, gelu) and filters on Zen 5,
 * by the rows of the bench, the others of them in proportion to what they took before; the rest on Zen 4.
 */
export const builtInCosts: CostTable = {
  layer: {
    fcn: {
      identity: { f64: 0.3, f32: 0.15 },
      relu: reluLike.fcn,
      'leaky-relu': reluLike.fcn,
      abs: reluLike.fcn,
      abrelu: reluLike.fcn,
      erf: { f64: 2.7, f32: 1.1 },
      gelu: { f64: 4, f32: 1.5 },
      sin: { f64: 4, f32: 1.6 },
      rbf: { f64: 2, f32: 0.8 },
      tanh: { f64: 136, f32: 84 },
    },
    cnn: {
      identity: { f64: 0.2, f32: 0.1 },
      relu: reluLike.cnn,
      'leaky-relu': reluLike.cnn,
      abs: reluLike.cnn,
      abrelu: reluLike.cnn,
      erf: { f64: 1.2, f32: 0.66 },
      gelu: { f64: 1.9, f32: 1 },
      sin: { f64: 1.7, f32: 0.93 },
      rbf: { f64: 0.86, f32: 0.47 },
      tanh: { f64: 136, f32: 84 },
    },
  },
  filter: { f64: 0.07, f32: 0.03 },
  gramMultiplyAdd: 0.02,
  gemmMultiplyAdd: 0.05,
  eigenvectors: { cube: 0.11, square: 20 },
  eigenvalues: { cube: 0.06, square: 16 },
  streamedEntry: 0.64,
  cachedEntry: 0.26,
  cholesky: 0.015,
  matrixEntry: 4,
  stripEntry: 0.3,
  prediction: 0.5,
  writeByte: 0.6,
  durableByte: 1.5,
  readByte: 0.4,
  // Fitted to the steps of 15 networks, 0.25 to 1,800 ms each (test/measured-steps.ts): within -25% and +28% of all.
  trainMultiplyAdd: 0.033,
  trainEntry: 29,
  trainParameter: 5.8,
  trainStep: 130_000,
  trainStart: 700_000_000,
  task: 6_000_000,
  analysis: 600_000,
};
