/** The label arrays of an archive: checked by their headers, then read as class indices. */
import type { Problem, Split } from '@tessera/spec';
import { dtypeText, type NpyArray, readRows, shapeText, sizeMismatch } from './npy-array.js';
import type { NpzImages } from './npz-images.js';
import type { NpzLimits } from './npz-limits.js';
import type { ZipArchive } from './zip-archive.js';

/**
 * Reads the labels where their header, and the images they belong to, allow it; null, and problems, where something is
 * wrong.
 * @throws ZipFormatError where the member is damaged
 */
export async function checkedLabels(
  archive: ZipArchive,
  array: NpyArray,
  split: Split,
  images: NpzImages | null,
  limits: NpzLimits,
  problems: Problem[],
): Promise<Int32Array | null> {
  const name = `y_${split}`;
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
  const read = await readLabels(archive, array, limits.maxClasses);
  if (read instanceof Int32Array) return read;
  refuse(read);
  return null;
}

/** Reads integers of any size as class indices; a sentence on what is wrong where one cannot be a class. */
async function readLabels(
  archive: ZipArchive,
  array: NpyArray,
  maxClasses: number,
): Promise<Int32Array | string> {
  const labels = new Int32Array(array.shape[0] as number);
  const read = reader(array);
  let next = 0;
  // One value a row: Fortran order changes nothing, and no scratch file is written.
  for await (const piece of readRows(archive, array, '')) {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let offset = 0; offset < piece.byteLength; offset += array.itemBytes, next++) {
      const label = read(view, offset);
      if (label < 0) return `has the negative label ${label} at position ${next}; labels count from 0.`;
      if (label >= maxClasses) {
        return `has the label ${label} at position ${next}; labels count from 0, and the limit is ${maxClasses} classes.`;
      }
      labels[next] = Number(label);
    }
  }
  return labels;
}

function reader({ kind, itemBytes }: NpyArray): (view: DataView, offset: number) => number | bigint {
  const isSigned = kind === 'i';
  if (itemBytes === 1) return (view, at) => (isSigned ? view.getInt8(at) : view.getUint8(at));
  if (itemBytes === 2) return (view, at) => (isSigned ? view.getInt16(at, true) : view.getUint16(at, true));
  if (itemBytes === 4) return (view, at) => (isSigned ? view.getInt32(at, true) : view.getUint32(at, true));
  return (view, at) => (isSigned ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
}
