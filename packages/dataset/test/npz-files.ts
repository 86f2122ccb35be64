/** .npz archives made here, well formed or not. */
import { zipSync } from 'fflate';

/** A .npy file of a dtype and shape, whatever the data. */
export function npy(descr: string, shape: string, data: Uint8Array, fortran = false): Uint8Array {
  const order = fortran ? 'True' : 'False';
  return npyOfHeader(`{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`, data);
}

export function npyOfHeader(dictionary: string, data: Uint8Array): Uint8Array {
  const padding = ' '.repeat(63 - ((10 + dictionary.length) % 64));
  const header = Buffer.from(`${dictionary}${padding}\n`, 'latin1');
  const prefix = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  prefix.writeUInt16LE(header.length, 8);
  return Buffer.concat([prefix, header, data]);
}

export const bytes = (values: Float32Array | Float64Array | Int32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** x of (n, 2, 3, 1) uint8, counting up from 0. */
export const countingImages = (n: number): Uint8Array =>
  npy(
    "'|u1'",
    `(${n}, 2, 3, 1)`,
    Uint8Array.from({ length: 6 * n }, (_, i) => i % 256),
  );
/** y of (n) int64: 0, 1, 2, 0, 1, 2, ... */
export const countingLabels = (n: number): Uint8Array =>
  npy("'<i8'", `(${n},)`, bytes(BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 3))));

export type Members = Record<string, Uint8Array>;
export const soundMembers = (): Members => ({
  'x_train.npy': countingImages(7),
  'y_train.npy': countingLabels(7),
});

/** An archive of members; `compressed` as np.savez_compressed, else as np.savez. */
export const npz = (members: Members, compressed = false): Uint8Array =>
  zipSync(members, { level: compressed ? 6 : 0 });
