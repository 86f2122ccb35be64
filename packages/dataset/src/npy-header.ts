/** The header of a .npy array. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

export interface NpyHeader {
  /** The dtype as numpy writes it: '<f4'; null for structured dtypes. */
  descr: string | null;
  fortranOrder: boolean;
  shape: number[];
  /** Where the data start. */
  dataOffset: number;
}

/** A file that is not a .npy array, said in a sentence that starts with what is wrong. */
export class NpyFormatError extends Error {}

/** Headers of plain arrays have some 100 bytes; numpy itself refuses to evaluate more than 10,000. */
const maxHeaderBytes = 10_000;
/** Bytes that hold any header this reads. */
export const npyPrefixBytes = 12 + maxHeaderBytes;

/**
 * Reads a header.
 * @param prefix the first bytes of the file, at least `npyPrefixBytes` of them where the file has as many
 * @throws NpyFormatError
 */
export function parseNpyHeader(prefix: Buffer): NpyHeader {
  if (prefix.length < 10 || prefix.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw new NpyFormatError('is not a .npy array');
  }
  const version = prefix[6] as number;
  if (version < 1 || version > 3) throw new NpyFormatError(`has the .npy format version ${version}`);
  if (version > 1 && prefix.length < 12) throw new NpyFormatError('ends within its header');
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? prefix.readUInt16LE(8) : prefix.readUInt32LE(8);
  if (length > maxHeaderBytes) throw new NpyFormatError(`has a header of ${length} bytes`);
  if (start + length > prefix.length) throw new NpyFormatError('ends within its header');
  const text = prefix.toString('utf8', start, start + length);
  return { ...parseFields(text), dataOffset: start + length };
}

/** {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } in any order of keys; L as Python 2 wrote it. */
function parseFields(text: string): Omit<NpyHeader, 'dataOffset'> {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  const pattern = /\s*'(\w+)'\s*:\s*(?:'([^']*)'|(True|False)|\(([-\d\sL,]*)\)|(\[[^\]]*\]))\s*(?:,\s*|$)/gy;
  let descr: string | null | undefined;
  let fortranOrder: boolean | undefined;
  let shape: number[] | undefined;
  let fields = 0;
  let end = 0;
  for (const match of (body ?? '').matchAll(pattern)) {
    const [whole, key, string, boolean, tuple, list] = match;
    fields += 1;
    end += whole.length;
    if (key === 'descr' && (string !== undefined || list !== undefined)) descr = string ?? null;
    if (key === 'fortran_order' && boolean !== undefined) fortranOrder = boolean === 'True';
    if (key === 'shape' && tuple !== undefined) shape = parseShape(tuple);
  }
  const isWhole = body !== undefined && end === body.length && fields === 3;
  if (!isWhole || descr === undefined || fortranOrder === undefined || shape === undefined) {
    throw new NpyFormatError('has a header that is not that of a plain array');
  }
  return { descr, fortranOrder, shape };
}

function parseShape(tuple: string): number[] {
  const sides = tuple.split(',').map((side) => side.trim());
  if (sides.at(-1) === '') sides.pop();
  return sides.map((side) => {
    if (!/^-?\d{1,20}L?$/.test(side)) throw new NpyFormatError('has a shape that is not a tuple of integers');
    const value = Number(side.replace('L', ''));
    if (value < 0) throw new NpyFormatError(`has the negative side ${side} in its shape`);
    return value;
  });
}
