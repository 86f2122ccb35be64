/** Uploaded data sets: .npz archives of x_train, y_train and, if wanted, x_test, y_test, as numpy and Keras write them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ImageShape, inputCount, type Problem, type Split, TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';
import { invalidDataset, type SplitContent } from './content.js';
import { importContent } from './import-content.js';
import { type DatasetManifest, type Dtype, splits } from './manifest.js';
import { type NpyArray, openNpyArray, readRows, valueCount } from './npy-array.js';
import { NpyFormatError } from './npy-header.js';
import { readLabels } from './npz-labels.js';
import { defaultNpzLimits, type NpzLimits } from './npz-limits.js';
import { ZipArchive, ZipFormatError, type ZipMember } from './zip-archive.js';

type ArrayName = 'x_train' | 'y_train' | 'x_test' | 'y_test';
const arrayNames: readonly ArrayName[] = ['x_train', 'y_train', 'x_test', 'y_test'];
const dtypes: Readonly<Record<string, Dtype>> = { u1: 'uint8', f4: 'float32', f8: 'float64' };

/**
 * Imports an archive. x: (N, H, W, C) or (N, D) of uint8, float32 or float64; y: (N) or (N, 1) of any integers; little
 * or big endian, C or Fortran order, stored or deflated. Classes = largest label + 1. Other members are passed over.
 * Sizes are checked as declared before anything is inflated, and enforced while it is. Memory stays bounded, whatever
 * the size; arrays in Fortran order are spooled to a folder beside the file.
 * @throws TesseraError `invalid-dataset` with every problem found, pointers `/x_train` and the like
 */
export async function importNpz(
  store: TileStore,
  filePath: string,
  limits: Partial<NpzLimits> = {},
): Promise<DatasetManifest> {
  const scratch = await mkdtemp(join(dirname(filePath), '.npz-'));
  let archive: ZipArchive | null = null;
  try {
    archive = await ZipArchive.open(filePath);
    return await importArchive(store, archive, scratch, { ...defaultNpzLimits, ...limits });
  } catch (cause) {
    if (cause instanceof ZipFormatError) {
      throw invalidDataset([{ pointer: '', message: `The archive ${cause.message}.` }], cause);
    }
    if (cause instanceof TesseraError) throw cause;
    throw new TesseraError('unavailable', 'The uploaded archive cannot be read from the disk.', { cause });
  } finally {
    archive?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function importArchive(
  store: TileStore,
  archive: ZipArchive,
  scratch: string,
  limits: NpzLimits,
): Promise<DatasetManifest> {
  const problems: Problem[] = [];
  const members = findMembers(archive, limits, problems);
  const arrays = new Map<ArrayName, NpyArray>();
  for (const [name, member] of members) {
    const array = await naming(name, problems, () => openNpyArray(archive, member));
    if (array !== null) arrays.set(name, array);
  }
  const images = new Map(splits.map((split) => [split, checkImages(arrays, split, limits, problems)]));
  const [train, test] = [images.get('train') ?? null, images.get('test') ?? null];
  if (train && test) problems.push(...differences(train, test));
  const labels = new Map<Split, Int32Array>();
  for (const split of splits) {
    const read = await checkedLabels(archive, arrays, split, images.get(split) ?? null, limits, problems);
    if (read !== null) labels.set(split, read);
  }
  if (problems.length > 0 || train === null) throw invalidDataset(problems);
  return importContent(store, {
    source: 'npz',
    name: 'upload',
    synthetic: false,
    shape: train.shape,
    dtype: train.dtype,
    classes: 1 + largest([...labels.values()]),
    classNames: null,
    segments: splits.flatMap((split) => {
      const count = labels.get(split)?.length ?? 0;
      return count === 0 ? [] : [{ split, start: 0, count }];
    }),
    sourceFiles: [],
    splits: {
      train: splitContent(archive, scratch, train, labels.get('train')),
      test: splitContent(archive, scratch, test, labels.get('test')),
    },
  });
}

/** The members that hold arrays of ours. Their declared sizes are checked here, before anything is inflated. */
function findMembers(archive: ZipArchive, limits: NpzLimits, problems: Problem[]): Map<ArrayName, ZipMember> {
  const found = new Map<ArrayName, ZipMember>();
  const names = new Set<string>();
  for (const member of archive.members) {
    const shown = JSON.stringify(member.name.slice(0, 100));
    if (/[/\\\0]|^\.\.?$|^[A-Za-z]:/.test(member.name)) {
      problems.push({ pointer: '', message: `The member ${shown} has a path for a name.` });
    }
    if (names.has(member.name)) {
      problems.push({ pointer: '', message: `The archive has two members ${shown}.` });
    }
    names.add(member.name);
    const name = arrayNames.find((array) => member.name === `${array}.npy`);
    if (name !== undefined) found.set(name, member);
  }
  for (const name of arrayNames) {
    const partner = name.startsWith('x') ? name.replace('x', 'y') : name.replace('y', 'x');
    const isNeeded = name.endsWith('train') || found.has(partner as ArrayName);
    if (found.has(name) || !isNeeded) continue;
    const listed = [...names]
      .slice(0, 8)
      .map((n) => JSON.stringify(n.slice(0, 40)))
      .join(', ');
    const holds = names.size === 0 ? 'the archive is empty' : `the archive holds ${listed}`;
    problems.push({
      pointer: `/${name}`,
      message: `${name} is missing; ${holds}${names.size > 8 ? ', ...' : ''}.`,
    });
  }
  const bytes = [...found.values()].reduce((sum, member) => sum + member.bytes, 0);
  if (bytes > limits.maxBytes) {
    problems.push({
      pointer: '',
      message: `The arrays inflate to ${bytes} bytes; the limit is ${limits.maxBytes}.`,
    });
    found.clear();
  }
  return found;
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

interface Images {
  split: Split;
  array: NpyArray;
  count: number;
  shape: ImageShape;
  dtype: Dtype;
}

function checkImages(
  arrays: ReadonlyMap<ArrayName, NpyArray>,
  split: Split,
  limits: NpzLimits,
  problems: Problem[],
): Images | null {
  const name: ArrayName = `x_${split}`;
  const array = arrays.get(name);
  if (array === undefined) return null;
  const before = problems.length;
  const refuse = (message: string) => problems.push({ pointer: `/${name}`, message: `${name} ${message}` });
  const dtype = dtypes[`${array.kind}${array.itemBytes}`];
  if (dtype === undefined) {
    refuse(`holds ${dtypeText(array)}; write uint8, float32 or float64, as x.astype(np.float32) gives.`);
  }
  const { shape } = array;
  const [count, height, width, channels] = shape;
  if (shape.length === 3) {
    refuse(`has the shape ${shapeText(shape)}; write (N, H, W, C), as x[..., np.newaxis] gives, or (N, D).`);
  } else if (shape.length !== 2 && shape.length !== 4) {
    refuse(`has the shape ${shapeText(shape)}; write (N, H, W, C) or (N, D).`);
  } else if (shape.includes(0)) {
    refuse(`has the shape ${shapeText(shape)}, which holds nothing.`);
  }
  if (problems.length > before || dtype === undefined) return null;
  const inputs = valueCount(shape.slice(1));
  if (inputs > limits.maxInputs) refuse(`has ${inputs} values an image; the limit is ${limits.maxInputs}.`);
  if ((count as number) > limits.maxImages) refuse(`has ${count} images; the limit is ${limits.maxImages}.`);
  const mismatch = sizeMismatch(array);
  if (mismatch !== null) refuse(mismatch);
  if (problems.length > before) return null;
  return {
    split,
    array,
    count: count as number,
    shape:
      channels === undefined ? { inputs } : { height: height as number, width: width as number, channels },
    dtype,
  };
}

/** Reads the labels where their header, and the images they belong to, allow it. */
async function checkedLabels(
  archive: ZipArchive,
  arrays: ReadonlyMap<ArrayName, NpyArray>,
  split: Split,
  images: Images | null,
  limits: NpzLimits,
  problems: Problem[],
): Promise<Int32Array | null> {
  const name: ArrayName = `y_${split}`;
  const array = arrays.get(name);
  if (array === undefined) return null;
  const before = problems.length;
  const refuse = (message: string) => problems.push({ pointer: `/${name}`, message: `${name} ${message}` });
  const isInteger = (array.kind === 'i' || array.kind === 'u') && [1, 2, 4, 8].includes(array.itemBytes);
  if (!isInteger) refuse(`holds ${dtypeText(array)}; write integers, as y.astype(np.int64) gives.`);
  const { shape } = array;
  const [count, columns] = shape;
  if (shape.length === 0 || shape.length > 2 || (shape.length === 2 && columns !== 1)) {
    const hint = shape.length === 2 ? '; one-hot labels become (N) by np.argmax(y, axis=1)' : '';
    refuse(`has the shape ${shapeText(shape)}; write (N) or (N, 1)${hint}.`);
  } else if (count === 0) {
    refuse('has no labels.');
  } else if (images !== null && count !== images.count) {
    refuse(`has ${count} labels, but x_${split} has ${images.count} images.`);
  } else if (isInteger) {
    const mismatch = sizeMismatch(array);
    if (mismatch !== null) refuse(mismatch);
    if ((count as number) > limits.maxImages)
      refuse(`has ${count} labels; the limit is ${limits.maxImages}.`);
  }
  if (problems.length > before) return null;
  const read = await naming(name, problems, () => readLabels(archive, array, limits.maxClasses));
  if (read instanceof Int32Array) return read;
  if (read !== null) refuse(read);
  return null;
}

/** A header that lies about its member's size. */
function sizeMismatch(array: NpyArray): string | null {
  const expected = array.dataOffset + valueCount(array.shape) * array.itemBytes;
  if (expected === array.member.bytes) return null;
  return (
    `has a header for ${shapeText(array.shape)} ${dtypeText(array)}, ${expected} bytes with itself, ` +
    `but its member has ${array.member.bytes}.`
  );
}

function differences(train: Images, test: Images): Problem[] {
  const problems: Problem[] = [];
  const text = (shape: ImageShape) => shapeText(Object.values(shape));
  if (text(train.shape) !== text(test.shape)) {
    const message = `x_test has images of shape ${text(test.shape)}, but x_train of ${text(train.shape)}.`;
    problems.push({ pointer: '/x_test', message });
  }
  if (train.dtype !== test.dtype) {
    problems.push({ pointer: '/x_test', message: `x_test is ${test.dtype}, but x_train is ${train.dtype}.` });
  }
  return problems;
}

function splitContent(
  archive: ZipArchive,
  scratch: string,
  images: Images | null,
  labels: Int32Array | undefined,
): SplitContent {
  return {
    labels: labels ?? new Int32Array(0),
    images: () => (images === null ? nothing() : readImages(archive, scratch, images)),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* readImages(archive: ZipArchive, scratch: string, images: Images): AsyncGenerator<Uint8Array> {
  const name = `x_${images.split}`;
  const inputs = inputCount(images.shape);
  let first = 0;
  try {
    for await (const piece of readRows(archive, images.array, join(scratch, name))) {
      const wrong = images.dtype === 'uint8' ? -1 : firstNonFinite(piece, images.dtype);
      if (wrong >= 0) {
        const message = `${name} holds NaN or an infinity in image ${first + Math.floor(wrong / inputs)}.`;
        throw invalidDataset([{ pointer: `/${name}`, message }]);
      }
      first += piece.byteLength / inputs / images.array.itemBytes;
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof ZipFormatError)) throw error;
    throw invalidDataset([{ pointer: `/${name}`, message: `${name} ${error.message}.` }], error);
  }
}

function firstNonFinite(piece: Uint8Array<ArrayBuffer>, dtype: 'float32' | 'float64'): number {
  const values = dtype === 'float32' ? new Float32Array(piece.buffer) : new Float64Array(piece.buffer);
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i] as number)) return i;
  return -1;
}

function largest(parts: readonly Int32Array[]): number {
  let max = 0;
  for (const labels of parts) for (const label of labels) if (label > max) max = label;
  return max;
}

const shapeText = (shape: readonly number[]): string =>
  `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;

const kindNames: Readonly<Record<string, string>> = { u: 'uint', i: 'int', f: 'float', c: 'complex' };

function dtypeText({ kind, itemBytes, descr }: NpyArray): string {
  if (kind === 'O') return 'Python objects (pickle), which are never read';
  if (kind === 'b') return 'bool';
  if (kind === 'U' || kind === 'S') return 'strings';
  const name = kindNames[kind];
  if (name !== undefined) return `${name}${8 * itemBytes}`;
  return descr === null ? 'a structured dtype' : `the dtype ${JSON.stringify(descr.slice(0, 40))}`;
}
