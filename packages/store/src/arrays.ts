/** Every array of an experiment: name, type, shape, dimensions and chunks, all from the layout. */
import { eigenvalueCount as countEigenvalues, type KernelName, TesseraError } from '@tessera/spec';
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

/**
 * The kernel block an array's name asks for: of one kind, training images against training or test images. With v of
 * `{kind}_train_variance`, train_train = (v_a + v_b) / 2 - train_train_complement, and the complement keeps the digits
 * that the difference loses.
 */
export type KernelBlock = 'train_train' | 'train_train_complement' | 'test_train';

/** What a worker computes of the training images: the kernel and its complement. */
export const trainBlocks = ['train_train', 'train_train_complement'] as const satisfies KernelBlock[];

export function kernelArrayName(kind: KernelName, block: KernelBlock): string {
  return `${kind}_${block}`;
}

export function trainVarianceName(kind: KernelName): string {
  return `${kind}_train_variance`;
}

export function eigenvaluesName(kind: KernelName): string {
  return `${kind}_eigenvalues`;
}

/** Eigenvalues of each matrix that the spec asks for. */
export function eigenvalueCount({ spec, train }: Pick<ExperimentLayout, 'spec' | 'train'>): number {
  return countEigenvalues(spec.analysis.spectrum, train.length);
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
    ...(eigenvalueCount(layout) > 0 ? ['kappa', 'lambda_max', 'lambda_min'] : []),
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
    list.push(...trainBlocks.map((block) => trainTrainArray(layout, sizes, kernelArrayName(kind, block))));
    list.push({ ...imageArray(sizes, trainVarianceName(kind), 'train', sizes.train), role: 'kernel' });
    if (sizes.test > 0) list.push(testTrainArray(layout, sizes, kind));
  }
  const eigenvalues = eigenvalueCount(layout);
  if (eigenvalues > 0) {
    const array = (kind: KernelName) => imageArray(sizes, eigenvaluesName(kind), 'eigenvalue', eigenvalues);
    list.push(...axes.kernels.map((kind) => ({ ...array(kind), role: 'eigenvalues' as const })));
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

function trainTrainArray(layout: ExperimentLayout, sizes: Sizes, name: string): ArrayDescription {
  const { tileSize } = layout;
  return {
    name,
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

/** One number a depth and image (or eigenvalue), float64. */
function imageArray(
  sizes: Sizes,
  name: string,
  dimension: 'train' | 'eigenvalue',
  length: number,
): Omit<ArrayDescription, 'role'> {
  return {
    name,
    dtype: '<f8',
    shape: [...sizes.grid, length],
    dimensions: [...grid, dimension],
    chunkShape: [1, 1, 1, length],
    shardShape: [1, 1, sizes.grid[2], length],
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
