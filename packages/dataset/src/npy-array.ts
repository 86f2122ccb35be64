/** One .npy array inside an archive, read as a stream of values in one canonical form: little endian, C order. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { type NpyHeader, npyPrefixBytes, parseNpyHeader } from './npy-header.js';
import { equalPieces } from './pieces.js';
import type { ZipArchive, ZipMember } from './zip-archive.js';

/** The kind and size of an array's values: 'u1', 'i8', 'f4'; kind as numpy's dtype.kind. */
export interface NpyArray extends NpyHeader {
  member: ZipMember;
  kind: string;
  itemBytes: number;
  bigEndian: boolean;
}

/** Bytes gathered at once when an array in Fortran order is turned over. */
const gatherBytes = 64 * 1024 * 1024;
const streamBytes = 1024 * 1024;

/**
 * Reads the header of a member; of its data, no more than come with it.
 * @throws NpyFormatError, ZipFormatError
 */
export async function openNpyArray(archive: ZipArchive, member: ZipMember): Promise<NpyArray> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of archive.read(member)) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= npyPrefixBytes) break;
  }
  const header = parseNpyHeader(Buffer.concat(pieces).subarray(0, npyPrefixBytes));
  const [, order, kind, size] = /^([<>|=]?)([a-zA-Z])(\d{0,4})$/.exec(header.descr ?? '') ?? [];
  return {
    ...header,
    member,
    kind: kind ?? '',
    itemBytes: Number(size ?? 0),
    bigEndian: order === '>',
  };
}

/** Values along all dimensions. Exact up to 2^53, and above it larger than any file. */
export const valueCount = (shape: readonly number[]): number =>
  shape.reduce((product, length) => product * length, 1);

/**
 * The values of an array whose size fits its member, in pieces of whole rows (entries of the first dimension).
 * @param scratch a path this may write a file to; used for Fortran order alone, and left there
 */
export async function* readRows(
  archive: ZipArchive,
  array: NpyArray,
  scratch: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const rows = array.shape[0] as number;
  const rowBytes = (valueCount(array.shape) / rows) * array.itemBytes;
  // Along a single dimension both orders are the same bytes.
  const isTurned = array.fortranOrder && array.shape.filter((length) => length > 1).length > 1;
  if (isTurned) {
    yield* readTurned(archive, array, rowBytes, scratch);
    return;
  }
  const pieceBytes = Math.max(1, Math.floor(streamBytes / rowBytes)) * rowBytes;
  for await (const piece of equalPieces(readData(archive, array), pieceBytes)) {
    yield toLittleEndian(piece, array);
  }
}

async function* readData(archive: ZipArchive, array: NpyArray): AsyncGenerator<Buffer> {
  let skip = array.dataOffset;
  for await (const piece of archive.read(array.member)) {
    const skipped = Math.min(skip, piece.length);
    skip -= skipped;
    if (piece.length > skipped) yield piece.subarray(skipped);
  }
}

function toLittleEndian(piece: Uint8Array<ArrayBuffer>, { bigEndian, itemBytes }: NpyArray) {
  if (!bigEndian || itemBytes === 1) return piece;
  const buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  if (itemBytes === 2) buffer.swap16();
  else if (itemBytes === 4) buffer.swap32();
  else buffer.swap64();
  return piece;
}

/** Fortran order has the values of one place in all rows side by side. Spools the data, then gathers rows from it. */
async function* readTurned(
  archive: ZipArchive,
  array: NpyArray,
  rowBytes: number,
  scratch: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const handle = await open(scratch, 'w+');
  try {
    for await (const piece of readData(archive, array)) await writeAll(handle, piece);
    const rows = array.shape[0] as number;
    const places = columnPlaces(array.shape.slice(1));
    const step = Math.max(1, Math.floor(gatherBytes / rowBytes));
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      const piece = new Uint8Array(count * rowBytes);
      const column = Buffer.alloc(count * array.itemBytes);
      for (let place = 0; place < places.length; place++) {
        await handle.read(column, 0, column.length, (place * rows + first) * array.itemBytes);
        scatter(column, piece, (places[place] as number) * array.itemBytes, rowBytes, array.itemBytes);
      }
      yield toLittleEndian(piece, array);
    }
  } finally {
    await handle.close();
  }
}

/** For each place within a row in Fortran order, its place in C order. */
function columnPlaces(shape: readonly number[]): Int32Array {
  const places = new Int32Array(valueCount(shape));
  const index = shape.map(() => 0);
  for (let place = 0; place < places.length; place++) {
    places[place] = shape.reduce((offset, length, axis) => offset * length + (index[axis] as number), 0);
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return places;
}

function scatter(column: Buffer, rows: Uint8Array, offset: number, rowBytes: number, itemBytes: number) {
  for (let from = 0, to = offset; from < column.length; from += itemBytes, to += rowBytes) {
    for (let byte = 0; byte < itemBytes; byte++) rows[to + byte] = column[from + byte] as number;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    written += (await handle.write(bytes, written)).bytesWritten;
  }
}

/** A header that lies about its member's size. */
export function sizeMismatch(array: NpyArray): string | null {
  const expected = array.dataOffset + valueCount(array.shape) * array.itemBytes;
  if (expected === array.member.bytes) return null;
  return (
    `has a header for ${shapeText(array.shape)} ${dtypeText(array)}, ${expected} bytes with itself, ` +
    `but its member has ${array.member.bytes}.`
  );
}

export const shapeText = (shape: readonly number[]): string =>
  `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;

const kindNames: Readonly<Record<string, string>> = { u: 'uint', i: 'int', f: 'float', c: 'complex' };

export function dtypeText({ kind, itemBytes, descr }: NpyArray): string {
  if (kind === 'O') return 'Python objects (pickle), which are never read';
  if (kind === 'b') return 'bool';
  if (kind === 'U' || kind === 'S') return 'strings';
  const name = kindNames[kind];
  if (name !== undefined) return `${name}${8 * itemBytes}`;
  return descr === null ? 'a structured dtype' : `the dtype ${JSON.stringify(descr.slice(0, 40))}`;
}
