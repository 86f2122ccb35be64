/** Golden kernels: cases of a manifest.json with the images, the network and the matrices an engine must reproduce. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Architecture, type KernelName, type Normalization, TesseraError } from '@tessera/spec';
import type { ImageBlock } from '../engine.js';
import { cifarImages, normalizeImages, type PixelBlock, storedImages } from './images.js';
import { readNpy } from './npy.js';

/** The project's own goldens, made by scripts/goldens/generate.py. */
export const ownGoldensDir = fileURLToPath(new URL('../../goldens/', import.meta.url));

export type GoldenMatrix = 'train_train' | 'test_train';

export interface Golden {
  name: string;
  architecture: Architecture;
  weightVariance: number;
  biasVariance: number;
  depths: number[];
  train: ImageBlock;
  test: ImageBlock;
  referenceVariance: number;
  /** (depths, rows, train) in float64. */
  expected(kernel: KernelName, matrix: GoldenMatrix): Float64Array;
  /** null where the case holds matrices alone. */
  complements: ((kernel: KernelName, matrix: GoldenMatrix) => GoldenComplement) | null;
}

/** As in KernelTile. */
export interface GoldenComplement {
  complement: Float64Array;
  reference: Float64Array;
  rowDeviations: Float64Array;
  colDeviations: Float64Array;
}

/** A case's images: a range of CIFAR-10 files, or .npy files beside the manifest. */
interface CifarSource {
  trainFile: string;
  trainFirst: number;
  train: number;
  testFile: string;
  testFirst: number;
  test: number;
  size?: number;
}
interface StoredSource {
  trainImages: string;
  testImages: string;
}
interface GoldenCase {
  name: string;
  dataset: { normalization: Normalization } & (CifarSource | StoredSource);
  architecture: Pick<Architecture, 'family' | 'activation'> & Partial<Architecture>;
  weightVariance: number;
  biasVariance: number;
  depth: number[];
  /** Of cases with complements. */
  referenceVariance?: number;
}

/**
 * Reads a folder of goldens: manifest.json and one folder a case, in `folder` or its subfolder `cases`.
 * @param cifar10Dir the folder of CIFAR-10's binary files; null where the cases bring their own images
 * @throws TesseraError `not-found` without a manifest, `invalid-dataset` for a case whose images cannot be read
 */
export function loadGoldens(folder: string, cifar10Dir: string | null = null): Golden[] {
  const root = existsSync(join(folder, 'manifest.json')) ? folder : join(folder, 'cases');
  const manifest = join(root, 'manifest.json');
  if (!existsSync(manifest)) throw new TesseraError('not-found', `There is no manifest.json in ${folder}.`);
  const { cases } = JSON.parse(readFileSync(manifest, 'utf8')) as { cases: GoldenCase[] };
  return cases.map((golden) => loadCase(root, golden, cifar10Dir));
}

function loadCase(root: string, golden: GoldenCase, cifar10Dir: string | null): Golden {
  const { name, architecture, weightVariance, biasVariance, depth } = golden;
  const [train, test] = images(root, golden, cifar10Dir);
  const read = (array: string) => readNpy(join(root, name, `${array}.npy`)).data as Float64Array;
  const block = (role: string, { count, shape, values }: PixelBlock): ImageBlock => ({
    key: `golden ${root} ${name} ${role}`,
    count,
    shape,
    data: values,
  });
  return {
    name,
    architecture: { filterSize: 3, padding: 'circular', ...architecture },
    weightVariance,
    biasVariance,
    depths: depth,
    train: block('train', train),
    test: block('test', test),
    referenceVariance: golden.referenceVariance ?? meanSquare(train.values),
    expected: (kernel, matrix) => read(`${kernel}_${matrix}`),
    complements:
      golden.referenceVariance === undefined
        ? null
        : (kernel, matrix) => {
            const variances = read(`${kernel}_variances`);
            const part = (first: number, count: number) => columns(variances, depth.length, first, count);
            const trained = part(1, train.count);
            return {
              complement: read(`${kernel}_${matrix}_complement`),
              reference: part(0, 1),
              rowDeviations: matrix === 'train_train' ? trained : part(1 + train.count, test.count),
              colDeviations: trained,
            };
          },
  };
}

/** Columns first.. of a row-major array. */
function columns(values: Float64Array, rows: number, first: number, count: number): Float64Array {
  const width = values.length / rows;
  const result = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    result.set(values.subarray(row * width + first, row * width + first + count), row * count);
  }
  return result;
}

const meanSquare = (values: Float64Array): number =>
  values.reduce((sum, v) => sum + v * v, 0) / values.length;

function images(
  root: string,
  { name, dataset }: GoldenCase,
  cifar10Dir: string | null,
): [PixelBlock, PixelBlock] {
  if ('trainImages' in dataset) {
    const stored = (file: string) => storedImages(join(root, file));
    return normalizeImages(dataset.normalization, stored(dataset.trainImages), stored(dataset.testImages));
  }
  if (cifar10Dir === null) {
    throw new TesseraError('invalid-dataset', `The golden ${name} reads CIFAR-10: set TESSERA_CIFAR10_DIR.`);
  }
  const { trainFile, trainFirst, testFile, testFirst, size = 32 } = dataset;
  const train = cifarImages(cifar10Dir, trainFile, trainFirst, dataset.train, size);
  const test = cifarImages(cifar10Dir, testFile, testFirst, dataset.test, size);
  return normalizeImages(dataset.normalization, train, test);
}

/** What cutGolden leaves of a case. */
interface Kept {
  train: number;
  test: number;
  /** The deepest depth. */
  depth?: number;
}

/** The first images and layers of a golden case alone, with the entries of its matrices that remain; without complements. */
export function cutGolden(golden: Golden, { train, test, depth = Number.POSITIVE_INFINITY }: Kept): Golden {
  const cut = (block: ImageBlock, count: number): ImageBlock => {
    const size = block.data.length / block.count;
    return { ...block, key: `${block.key} first ${count}`, count, data: block.data.slice(0, count * size) };
  };
  const depths = golden.depths.filter((each) => each <= depth);
  const expected: Golden['expected'] = (kernel, matrix) => {
    const whole = golden.expected(kernel, matrix);
    const rows = matrix === 'train_train' ? train : test;
    const wholeRows = matrix === 'train_train' ? golden.train.count : golden.test.count;
    const kept = new Float64Array(depths.length * rows * train);
    let at = 0;
    for (const each of depths) {
      const d = golden.depths.indexOf(each);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < train; j++)
          kept[at++] = whole[(d * wholeRows + i) * golden.train.count + j] as number;
      }
    }
    return kept;
  };
  const [trained, tested] = [cut(golden.train, train), cut(golden.test, test)];
  return { ...golden, depths, train: trained, test: tested, expected, complements: null };
}
