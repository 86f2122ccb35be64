/** The `.npy` format (NumPy, "A Simple File Format for NumPy Arrays"). */
import { TesseraError } from '@tessera/spec';

const magic = Buffer.from('\x93NUMPY', 'latin1');
/** numpy aligns the data to 64 bytes. */
const alignment = 64;
/** Headers longer than this are refused; numpy's own limit is 10,000. */
const maxHeaderBytes = 10_000;

/** What precedes the data of a C-order array: format 1.0. */
export function npyHeader(dtype: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const unpadded = magic.byteLength + 4 + dictionary.length + 1;
  const text = `${dictionary}${' '.repeat((alignment - (unpadded % alignment)) % alignment)}\n`;
  const lengths = Buffer.from([1, 0, text.length & 0xff, text.length >> 8]);
  return Buffer.concat([magic, lengths, Buffer.from(text, 'latin1')]);
}

/** A whole `.npy` file. */
export function writeNpy(dtype: string, shape: readonly number[], data: Uint8Array): Buffer {
  return Buffer.concat([npyHeader(dtype, shape), data]);
}

export interface NpyArray {
  /** As the file says it: byte order, kind, size, for example `<f8` or `|u1`. */
  dtype: string;
  shape: number[];
  fortranOrder: boolean;
  /** The values as stored, not copied. */
  data: Buffer;
}

function refuse(message: string): never {
  throw new TesseraError('invalid-dataset', `This is not a .npy file of numbers: ${message}.`);
}

/**
 * Reads a `.npy` file of versions 1.0 to 3.0 whose items are booleans, numbers or text of fixed size. Throws
 * `invalid-dataset` for anything else: pickled objects, structures, a length that does not fit the shape.
 */
export function parseNpy(file: Buffer): NpyArray {
  if (file.byteLength < 10 || !file.subarray(0, magic.byteLength).equals(magic))
    refuse('it does not begin as one');
  const major = file[6] as number;
  if (major < 1 || major > 3) refuse(`its version is ${major}`);
  const lengthBytes = major === 1 ? 2 : 4;
  if (file.byteLength < 8 + lengthBytes) refuse('it ends within its header');
  const headerBytes = major === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8);
  const dataStart = 8 + lengthBytes + headerBytes;
  if (headerBytes > maxHeaderBytes) refuse(`its header of ${headerBytes} bytes is too long`);
  if (dataStart > file.byteLength) refuse('it ends within its header');
  const header = parseHeader(file.toString(major === 3 ? 'utf8' : 'latin1', 8 + lengthBytes, dataStart));
  const data = file.subarray(dataStart);
  const expected = header.shape.reduce((total, side) => total * side, itemSize(header.dtype));
  if (data.byteLength !== expected)
    refuse(`it holds ${data.byteLength} bytes of data instead of ${expected}`);
  return { ...header, data };
}

/** The header is a Python dictionary of exactly these three entries, in any order. */
function parseHeader(text: string): Omit<NpyArray, 'data'> {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? refuse('its header is no dictionary');
  const entry =
    /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,]*)\))\s*(?:,|$)/y;
  const found = new Map<string, RegExpExecArray>();
  while (entry.lastIndex < body.trimEnd().length) {
    const match = entry.exec(body) ?? refuse('its header is not one that numpy writes for numbers');
    if (found.has(match[2] as string)) refuse(`its header says ${match[2]} twice`);
    found.set(match[2] as string, match);
  }
  const dtype = found.get('descr')?.[4] ?? refuse('its items are of no simple type');
  const order = found.get('fortran_order')?.[5] ?? refuse('its header does not say the order');
  const tuple = found.get('shape')?.[6] ?? refuse('its header does not say the shape');
  const shape = tuple.split(',').map((side) => side.trim());
  if (shape.at(-1) === '') shape.pop();
  if (shape.some((side) => !/^\d{1,15}$/.test(side))) refuse('its shape is not made of lengths');
  return { dtype, shape: shape.map(Number), fortranOrder: order === 'True' };
}

/** Bytes of one item: booleans, integers, floats, complex numbers; text (`U`) has four bytes a character. */
function itemSize(dtype: string): number {
  const [, kind, digits] =
    /^[<>|=]([biufcSU])(\d{1,4})$/.exec(dtype) ?? refuse(`its items are ${JSON.stringify(dtype)}`);
  return Number(digits) * (kind === 'U' ? 4 : 1);
}
