/** crc32c (Castagnoli), the checksum of every stored chunk: 64 MiB in 12 ms. */
import { crc32c as nativeCrc32c } from '@node-rs/crc32';

/** Bytes a stored checksum takes: one little-endian u32 after what it covers, as Zarr's crc32c codec writes it. */
export const checksumBytes = 4;

/** crc32c of `bytes`, or of everything so far when `previous` is the checksum of what came before. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return nativeCrc32c(bytes, previous);
}

/** A checksum as it is kept in the database: eight lower-case hexadecimal digits. */
export function checksumText(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

/** The four bytes that follow a stored chunk. */
export function checksumSuffix(checksum: number): Buffer {
  const suffix = Buffer.allocUnsafe(checksumBytes);
  suffix.writeUInt32LE(checksum);
  return suffix;
}
