/** Labels of an archive as class indices. */
import { type NpyArray, readRows } from './npy-array.js';
import type { ZipArchive } from './zip-archive.js';

/**
 * Reads integer labels of any size.
 * @returns the class indices; or, where a label is negative or too large, what is wrong
 * @throws ZipFormatError
 */
export async function readLabels(
  archive: ZipArchive,
  array: NpyArray,
  maxClasses: number,
): Promise<Int32Array | string> {
  const labels = new Int32Array(array.shape[0] as number);
  const read = reader(array);
  let next = 0;
  // One value a row, so that no order of storage needs a scratch file.
  for await (const piece of readRows(archive, array, '')) {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let offset = 0; offset < piece.byteLength; offset += array.itemBytes, next++) {
      const label = read(view, offset);
      if (label < 0) return `has the negative label ${label} at position ${next}; labels count from 0.`;
      if (label >= maxClasses) {
        return `has the label ${label} at position ${next}; with labels from 0, the limit is ${maxClasses} classes.`;
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
