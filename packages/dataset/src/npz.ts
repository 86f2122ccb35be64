/** Uploaded data sets: .npz archives of x_train, y_train and, if wanted, x_test, y_test, as numpy and Keras write them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Problem, type Split, TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';
import { invalidDataset } from './content.js';
import { importContent } from './import-content.js';
import { type DatasetManifest, splits } from './manifest.js';
import { type NpyArray, openNpyArray } from './npy-array.js';
import { NpyFormatError } from './npy-header.js';
import { checkImages, differences, type NpzImages, splitContent } from './npz-images.js';
import { checkedLabels } from './npz-labels.js';
import { defaultNpzLimits, type NpzLimits } from './npz-limits.js';
import { type ArrayName, findMembers } from './npz-members.js';
import { ZipArchive, ZipFormatError } from './zip-archive.js';

/**
 * Imports an archive. x: (N, H, W, C) or (N, D) of uint8, float32 or float64; y: (N) or (N, 1) of any integers; little
 * or big endian, C or Fortran order, stored or deflated. Classes = largest label + 1. Other members are passed over.
 * Sizes are checked as declared before anything is inflated, and enforced while it is. Memory stays bounded, whatever
 * the size; arrays in Fortran order are spooled to a folder beside the file.
 * @throws TesseraError `invalid-dataset` with every problem found, pointers `/x_train` and the like, '' for the archive;
 * `unavailable` where the disk fails
 */
export async function importNpz(
  store: TileStore,
  filePath: string,
  limits: Partial<NpzLimits> = {},
): Promise<DatasetManifest> {
  let scratch: string | null = null;
  let archive: ZipArchive | null = null;
  try {
    archive = await ZipArchive.open(filePath);
    scratch = await mkdtemp(join(dirname(filePath), '.npz-'));
    return await importArchive(store, archive, scratch, { ...defaultNpzLimits, ...limits });
  } catch (cause) {
    if (cause instanceof ZipFormatError) {
      throw invalidDataset([{ pointer: '', message: `The archive ${cause.message}.` }], cause);
    }
    const isOfSystem = cause instanceof Error && 'syscall' in cause;
    if (!isOfSystem) throw cause;
    throw new TesseraError('unavailable', `The archive cannot be imported: ${cause.message}.`, { cause });
  } finally {
    archive?.close();
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  }
}

async function importArchive(
  store: TileStore,
  archive: ZipArchive,
  scratch: string,
  limits: NpzLimits,
): Promise<DatasetManifest> {
  const problems: Problem[] = [];
  const arrays = new Map<ArrayName, NpyArray>();
  for (const [name, member] of findMembers(archive, limits, problems)) {
    const array = await naming(name, problems, () => openNpyArray(archive, member));
    if (array !== null) arrays.set(name, array);
  }
  const images: Partial<Record<Split, NpzImages | null>> = {};
  const labels: Partial<Record<Split, Int32Array | null>> = {};
  for (const split of splits) {
    const [x, y] = [arrays.get(`x_${split}`), arrays.get(`y_${split}`)];
    const read = x ? checkImages(x, split, limits, problems) : null;
    images[split] = read;
    if (y === undefined) continue;
    labels[split] = await naming(`y_${split}`, problems, () =>
      checkedLabels(archive, y, split, read, limits, problems),
    );
  }
  const { train, test } = images;
  if (train && test) problems.push(...differences(train, test));
  if (problems.length > 0 || !train) throw invalidDataset(problems);
  return importContent(store, {
    source: 'npz',
    name: 'upload',
    synthetic: false,
    shape: train.shape,
    dtype: train.dtype,
    classes: 1 + Math.max(largest(labels.train), largest(labels.test)),
    classNames: null,
    segments: [train, ...(test ? [test] : [])].map(({ split, count }) => ({ split, start: 0, count })),
    sourceFiles: [],
    splits: {
      train: splitContent(archive, scratch, train, labels.train),
      test: splitContent(archive, scratch, test, labels.test),
    },
  });
}

/** Runs a step on one array; what is wrong with its bytes becomes a problem of the array, and null. */
async function naming<T>(name: ArrayName, problems: Problem[], step: () => Promise<T>): Promise<T | null> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof NpyFormatError || error instanceof ZipFormatError)) throw error;
    problems.push({ pointer: `/${name}`, message: `${name} ${error.message}.` });
    return null;
  }
}

const largest = (labels: Int32Array | null | undefined): number =>
  (labels ?? new Int32Array(0)).reduce((max, label) => Math.max(max, label), 0);
