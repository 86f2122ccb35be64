/** The image arrays of an archive: checked by their headers, then read as a stream. */
import { join } from 'node:path';
import { type ImageShape, inputCount, type Problem, type Split } from '@tessera/spec';
import { invalidDataset, type SplitContent } from './content.js';
import type { Dtype } from './manifest.js';
import { dtypeText, type NpyArray, readRows, shapeText, sizeMismatch, valueCount } from './npy-array.js';
import type { NpzLimits } from './npz-limits.js';
import { type ZipArchive, ZipFormatError } from './zip-archive.js';

const dtypes: Readonly<Record<string, Dtype>> = { u1: 'uint8', f4: 'float32', f8: 'float64' };

/** Images that can be imported, as far as their header tells. */
export interface NpzImages {
  split: Split;
  array: NpyArray;
  count: number;
  shape: ImageShape;
  dtype: Dtype;
}

/** Checks dtype, shape and declared size; null, and problems, where something is wrong. */
export function checkImages(
  array: NpyArray,
  split: Split,
  limits: NpzLimits,
  problems: Problem[],
): NpzImages | null {
  const name = `x_${split}`;
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

/** What keeps two sets of images from being one data set. */
export function differences(train: NpzImages, test: NpzImages): Problem[] {
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

/** The images and labels of a split for the import; of no images where there are none. */
export function splitContent(
  archive: ZipArchive,
  scratch: string,
  images: NpzImages | null | undefined,
  labels: Int32Array | null | undefined,
): SplitContent {
  return {
    labels: labels ?? new Int32Array(0),
    images: () => (!images ? nothing() : readImages(archive, scratch, images)),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* readImages(
  archive: ZipArchive,
  scratch: string,
  images: NpzImages,
): AsyncGenerator<Uint8Array> {
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
