/** Every array of an experiment: name, type, shape, dimensions and chunks, all from the layout. */
import { type KernelName, TesseraError } from '@tessera/spec';
import { coordinateArrays } from './coordinates.js';
import type { ExperimentLayout } from './experiment-layout.js';
import { floatType, type NumberType } from './number-bytes.js';

export type ArrayRole = 'coordinate' | 'kernel' | 'eigenvalues' | 'result' | 'prediction';

export interface ArrayDescription {
  name: string;
  role: ArrayRole;
  /** As numpy writes it; `string` for the `kernel` coordinate, which no `.npy` can hold. */
  dtype: NumberType | 'string';
  shape: readonly number[];
  /** Names of the dimensions, as many as `shape` has entries. */
  dimensions: readonly string[];
  /** The smallest piece that is read: a stored chunk, or an inner chunk of a shard. */
  chunkShape: readonly number[];
  /** The shape of the stored file; null where chunks are stored on their own. */
  shardShape: readonly number[] | null;
}

/** The kernel block an array's name asks for: of one kind, training images against training or test images. */
export type KernelBlock = 'train_train' | 'test_train';

export function kernelArrayName(kind: KernelName, block: KernelBlock): string {
  return `${kind}_${block}`;
}

export function eigenvaluesName(kind: KernelName): string {
  return `${kind}_eigenvalues`;
}

/** Chunks on the side of an array of `length`. */
export function chunksAlong(length: number, chunk: number): number {
  return Math.ceil(length / chunk);
}

const grid = ['weight_variance', 'bias_variance', 'depth'] as const;

interface Sizes {
  kernels: number;
  grid: [number, number, number];
  train: number;
  test: number;
}

function sizesOf({ axes, train, test }: ExperimentLayout): Sizes {
  return {
    kernels: axes.kernels.length,
    grid: [axes.weightVariance.length, axes.biasVariance.length, axes.depth.length],
    train: train.length,
    test: test.length,
  };
}

/** Every array this experiment will hold, coordinates first. */
export function arrays(layout: ExperimentLayout): ArrayDescription[] {
  const { keep } = layout.spec;
  return possibleArrays(layout).filter(({ name, role }) => {
    if (role === 'kernel')
      return keep.kernels === 'all' || (keep.kernels === 'train' && !name.endsWith('test_train'));
    return role !== 'prediction' || keep.predictions;
  });
}

/**
 * The array of a name. Throws `not-kept` for one that the spec's `keep` drops and `not-found` for one that an
 * experiment of this spec has not.
 */
export function findArray(layout: ExperimentLayout, name: string): ArrayDescription {
  const kept = arrays(layout).find((array) => array.name === name);
  if (kept !== undefined) return kept;
  if (possibleArrays(layout).some((array) => array.name === name)) {
    const setting = name.startsWith('predictions') ? 'keep.predictions' : 'keep.kernels';
    throw new TesseraError(
      'not-kept',
      `The experiment did not keep ${name}: its spec says so under ${setting}.`,
    );
  }
  const names = arrays(layout).map((array) => array.name);
  throw new TesseraError(
    'not-found',
    `The experiment has no array of this name. It has ${names.join(', ')}.`,
  );
}

/** The result arrays, in which one chunk holds the numbers of one kernel. */
export function resultArrays(layout: ExperimentLayout): ArrayDescription[] {
  const sizes = sizesOf(layout);
  const { times, diagReg } = layout.axes;
  const hasTest = sizes.test > 0;
  const scalars = [
    ...(layout.spec.analysis.spectrum === 'full' ? ['kappa', 'lambda_max', 'lambda_min'] : []),
    ...(hasTest ? ['mean_predictor_norm'] : []),
  ];
  const splits = hasTest ? ['train', 'test'] : ['train'];
  const curves = ['accuracy', 'loss'].flatMap((score) => splits.map((split) => `${split}_${score}`));
  return [
    ...scalars.map((name) => resultArray(sizes, name, [])),
    ...(times.length > 0 ? curves.map((name) => resultArray(sizes, name, [['time', times.length]])) : []),
    ...(diagReg.length > 0
      ? curves.map((name) => resultArray(sizes, `${name}_ridge`, [['diag_reg', diagReg.length]]))
      : []),
  ];
}

function possibleArrays(layout: ExperimentLayout): ArrayDescription[] {
  const sizes = sizesOf(layout);
  const { axes } = layout;
  const list: ArrayDescription[] = [...coordinateArrays(layout)];
  for (const kind of axes.kernels) {
    list.push(trainTrainArray(layout, sizes, kind));
    if (sizes.test > 0) list.push(testTrainArray(layout, sizes, kind));
  }
  if (layout.spec.analysis.spectrum === 'full') {
    list.push(...axes.kernels.map((kind) => eigenvaluesArray(sizes, kind)));
  }
  list.push(...resultArrays(layout));
  if (sizes.test > 0) {
    if (axes.times.length > 0)
      list.push(predictionArray(layout, sizes, 'predictions', 'time', axes.times.length));
    if (axes.diagReg.length > 0) {
      list.push(predictionArray(layout, sizes, 'predictions_ridge', 'diag_reg', axes.diagReg.length));
    }
  }
  return list;
}

function trainTrainArray(layout: ExperimentLayout, sizes: Sizes, kind: KernelName): ArrayDescription {
  const { tileSize } = layout;
  return {
    name: kernelArrayName(kind, 'train_train'),
    role: 'kernel',
    dtype: floatType(layout.precision),
    shape: [...sizes.grid, sizes.train, sizes.train],
    dimensions: [...grid, 'train', 'train_2'],
    chunkShape: [1, 1, 1, tileSize, tileSize],
    shardShape: [1, 1, sizes.grid[2], tileSize, tileSize],
  };
}

function testTrainArray(layout: ExperimentLayout, sizes: Sizes, kind: KernelName): ArrayDescription {
  const { stripRows } = layout;
  return {
    name: kernelArrayName(kind, 'test_train'),
    role: 'kernel',
    dtype: floatType(layout.precision),
    shape: [...sizes.grid, sizes.test, sizes.train],
    dimensions: [...grid, 'test', 'train'],
    chunkShape: [1, 1, 1, stripRows, sizes.train],
    shardShape: [1, 1, sizes.grid[2], stripRows, sizes.train],
  };
}

function eigenvaluesArray(sizes: Sizes, kind: KernelName): ArrayDescription {
  return {
    name: eigenvaluesName(kind),
    role: 'eigenvalues',
    dtype: '<f8',
    shape: [...sizes.grid, sizes.train],
    dimensions: [...grid, 'eigenvalue'],
    chunkShape: [1, 1, 1, sizes.train],
    shardShape: [1, 1, sizes.grid[2], sizes.train],
  };
}

function resultArray(sizes: Sizes, name: string, last: readonly [string, number][]): ArrayDescription {
  const lengths = last.map(([, length]) => length);
  return {
    name,
    role: 'result',
    dtype: '<f8',
    shape: [sizes.kernels, ...sizes.grid, ...lengths],
    dimensions: ['kernel', ...grid, ...last.map(([dimension]) => dimension)],
    chunkShape: [sizes.kernels, 1, 1, sizes.grid[2], ...lengths],
    shardShape: null,
  };
}

function predictionArray(
  layout: ExperimentLayout,
  sizes: Sizes,
  name: string,
  dimension: 'time' | 'diag_reg',
  length: number,
): ArrayDescription {
  const { stripRows, classes } = layout;
  return {
    name,
    role: 'prediction',
    dtype: '<f8',
    shape: [sizes.kernels, ...sizes.grid, length, sizes.test, classes],
    dimensions: ['kernel', ...grid, dimension, 'test', 'class'],
    chunkShape: [1, 1, 1, 1, 1, stripRows, classes],
    shardShape: [sizes.kernels, 1, 1, sizes.grid[2], length, stripRows, classes],
  };
}
