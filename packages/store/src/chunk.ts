/** A chunk stored on its own: raw little-endian bytes and their crc32c (Zarr codecs `bytes`, `crc32c`). */
import { TesseraError } from '@tessera/spec';
import { checksumBytes, checksumSuffix, crc32c } from './checksum.js';
import type { PutOptions, TileStore } from './tile-store.js';

/** The bytes without their trailing checksum. Throws `corrupt-chunk`, which names `what`, when the two disagree. */
export function verifyChunk(what: string, stored: Buffer): Buffer {
  const end = stored.byteLength - checksumBytes;
  const chunk = stored.subarray(0, Math.max(0, end));
  if (end < 0 || stored.readUInt32LE(end) !== crc32c(chunk)) {
    throw new TesseraError('corrupt-chunk', `The stored bytes of ${what} do not match their checksum.`);
  }
  return chunk;
}

/** A chunk and its checksum, ready to be stored. */
export function encodeChunk(chunk: Uint8Array): Uint8Array[] {
  return [chunk, checksumSuffix(crc32c(chunk))];
}

export async function putChunk(
  store: TileStore,
  key: string,
  chunk: Uint8Array,
  options?: PutOptions,
): Promise<void> {
  await store.put(key, encodeChunk(chunk), options);
}

/**
 * Reads a chunk of `expectedBytes` (its checksum not counted). Throws `not-found` when it is absent and
 * `corrupt-chunk` when its length or its bytes are wrong.
 */
export async function readChunk(store: TileStore, key: string, expectedBytes: number): Promise<Buffer> {
  const stored = await store.get(key);
  if (stored.byteLength !== expectedBytes + checksumBytes) {
    throw new TesseraError(
      'corrupt-chunk',
      `${key} holds ${stored.byteLength} bytes instead of ${expectedBytes + checksumBytes}.`,
    );
  }
  return verifyChunk(key, stored);
}
