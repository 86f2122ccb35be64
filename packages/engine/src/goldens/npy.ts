/** Reads the .npy files of the goldens: little-endian float64 and uint8 in C order, format versions 1 to 3. */
import { readFileSync } from 'node:fs';
import { TesseraError } from '@tessera/spec';

export interface NpyArray {
  shape: number[];
  data: Float64Array | Uint8Array;
}

/** @throws TesseraError `invalid-dataset` for a file that is not such an array */
export function readNpy(path: string): NpyArray {
  const file = readFileSync(path);
  const fail = (what: string) => new TesseraError('invalid-dataset', `${path} ${what}.`);
  if (file.toString('latin1', 0, 6) !== '\x93NUMPY') throw fail('is not a .npy file');
  const start = file[6] === 1 ? 10 : 12;
  const end = start + (file[6] === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8));
  const header = file.toString('latin1', start, end);
  const dtype = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (dtype === undefined || shape === undefined || !/'fortran_order':\s*False/.test(header)) {
    throw fail('is not in C order');
  }
  const bytes = file.buffer.slice(file.byteOffset + end, file.byteOffset + file.length);
  const sizes = shape
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '')
    .map(Number);
  if (dtype === '<f8') return { shape: sizes, data: new Float64Array(bytes) };
  if (dtype === '|u1') return { shape: sizes, data: new Uint8Array(bytes) };
  throw fail(`holds ${dtype}, not <f8 or |u1`);
}
