/**
 * Shards: one file of equal inner chunks, each followed by its crc32c, then an index of (offset, length) pairs with
 * its own crc32c. Zarr v3 `sharding_indexed`, inner and index codecs `bytes` + `crc32c`, index at the end. We write
 * every chunk in order, so the file's size and the index follow from the number and size of the chunks; whatever
 * differs is corrupt.
 */
import { TesseraError } from '@tessera/spec';
import { checksumBytes, checksumSuffix, checksumText, crc32c } from './checksum.js';
import { verifyChunk } from './chunk.js';
import type { TileStore } from './tile-store.js';

const indexEntryBytes = 16;

export interface EncodedShard {
  /** What to `put`, in order. */
  parts: Uint8Array[];
  bytes: number;
  /** crc32c of the whole file, eight hexadecimal digits. */
  checksum: string;
}

/** Bytes that a chunk takes in its file. */
export const storedChunkBytes = (chunkBytes: number): number => chunkBytes + checksumBytes;

/** Bytes of the file that holds `chunkCount` chunks of `chunkBytes` each. */
export function shardBytes(chunkCount: number, chunkBytes: number): number {
  return chunkCount * (chunkBytes + checksumBytes + indexEntryBytes) + checksumBytes;
}

/** The index of a shard whose chunks lie one after the other, its checksum included. */
function encodeIndex(chunkCount: number, chunkBytes: number): Uint8Array {
  const index = Buffer.allocUnsafe(chunkCount * indexEntryBytes);
  const length = BigInt(chunkBytes + checksumBytes);
  for (let chunk = 0; chunk < chunkCount; chunk += 1) {
    index.writeBigUInt64LE(BigInt(chunk) * length, chunk * indexEntryBytes);
    index.writeBigUInt64LE(length, chunk * indexEntryBytes + 8);
  }
  return Buffer.concat([index, checksumSuffix(crc32c(index))]);
}

/** Encodes raw little-endian chunks of equal length, at least one. Copies none of them. */
export function encodeShard(chunks: readonly Uint8Array[]): EncodedShard {
  const chunkBytes = chunks[0]?.byteLength ?? 0;
  if (chunkBytes === 0 || chunks.some((chunk) => chunk.byteLength !== chunkBytes)) {
    throw new TesseraError(
      'internal',
      'The chunks of a shard are at least one, not empty, and of one length.',
    );
  }
  const parts = chunks.flatMap((chunk) => [chunk, checksumSuffix(crc32c(chunk))]);
  parts.push(encodeIndex(chunks.length, chunkBytes));
  const checksum = parts.reduce((previous, part) => crc32c(part, previous), 0);
  return {
    parts,
    bytes: shardBytes(chunks.length, chunkBytes),
    checksum: checksumText(checksum),
  };
}

/** The same for chunks that come one at a time, for `put`: one chunk in memory at once. */
export async function* streamShard(
  chunks: AsyncIterable<Uint8Array>,
  chunkCount: number,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of chunks) {
    if (chunk.byteLength !== chunkBytes)
      throw new TesseraError('internal', 'The chunks of a shard have one length.');
    count += 1;
    yield chunk;
    yield checksumSuffix(crc32c(chunk));
  }
  if (count !== chunkCount)
    throw new TesseraError('internal', `A shard of ${chunkCount} chunks was given ${count}.`);
  yield encodeIndex(chunkCount, chunkBytes);
}

/**
 * Verifies a shard's size and index, without reading its chunks. `readShardChunk` does this itself.
 * Throws `not-found` when the shard is absent, `corrupt-chunk` otherwise.
 */
export async function verifyShardIndex(
  store: TileStore,
  key: string,
  chunkCount: number,
  chunkBytes: number,
): Promise<void> {
  const size = await store.size(key);
  if (size === null) throw new TesseraError('not-found', `Nothing is stored under ${key}.`);
  const expected = shardBytes(chunkCount, chunkBytes);
  if (size !== expected) {
    throw new TesseraError('corrupt-chunk', `${key} holds ${size} bytes instead of ${expected}.`);
  }
  const index = encodeIndex(chunkCount, chunkBytes);
  const stored = await store.getRange(key, size - index.byteLength, index.byteLength);
  if (!stored.equals(index))
    throw new TesseraError('corrupt-chunk', `The index of ${key} is not as it was written.`);
}

/** One inner chunk of a shard whose index has been verified. @param into as for `readShardChunk` */
export async function readVerifiedShardChunk(
  store: TileStore,
  key: string,
  chunkIndex: number,
  chunkBytes: number,
  into?: Buffer,
): Promise<Buffer> {
  const length = chunkBytes + checksumBytes;
  const stored = await store.getRange(key, chunkIndex * length, length, into?.subarray(0, length));
  return verifyChunk(`chunk ${chunkIndex} of ${key}`, stored);
}

/**
 * One inner chunk, raw. The file's size, its index and the chunk's checksum are verified: `corrupt-chunk` where any
 * is wrong, `not-found` where the shard is absent.
 * @param verified keys whose size and index were verified before; gets this one
 * @param into `storedChunkBytes(chunkBytes)` bytes or more that the chunk is read into; new ones otherwise
 */
export async function readShardChunk(
  store: TileStore,
  key: string,
  chunkIndex: number,
  chunkCount: number,
  chunkBytes: number,
  verified?: Set<string>,
  into?: Buffer,
): Promise<Buffer> {
  if (!verified?.has(key)) await verifyShardIndex(store, key, chunkCount, chunkBytes);
  verified?.add(key);
  return await readVerifiedShardChunk(store, key, chunkIndex, chunkBytes, into);
}

/** Every chunk of a small shard, raw, read at once and verified as by `readShardChunk`. */
export async function readShard(
  store: TileStore,
  key: string,
  chunkCount: number,
  chunkBytes: number,
): Promise<Buffer[]> {
  const stored = await store.get(key);
  const expected = shardBytes(chunkCount, chunkBytes);
  if (stored.byteLength !== expected) {
    throw new TesseraError(
      'corrupt-chunk',
      `${key} holds ${stored.byteLength} bytes instead of ${expected}.`,
    );
  }
  const length = chunkBytes + checksumBytes;
  if (!stored.subarray(chunkCount * length).equals(encodeIndex(chunkCount, chunkBytes)))
    throw new TesseraError('corrupt-chunk', `The index of ${key} is not as it was written.`);
  return Array.from({ length: chunkCount }, (_, chunk) =>
    verifyChunk(`chunk ${chunk} of ${key}`, stored.subarray(chunk * length, (chunk + 1) * length)),
  );
}

/** Reads a whole file and compares its crc32c. Throws `not-found` or `corrupt-chunk`. */
export async function verifyShard(store: TileStore, key: string, checksum: string): Promise<void> {
  const size = await store.size(key);
  if (size === null) throw new TesseraError('not-found', `Nothing is stored under ${key}.`);
  let actual = 0;
  for await (const piece of store.stream(key, 0, size)) actual = crc32c(piece, actual);
  if (checksumText(actual) !== checksum) {
    throw new TesseraError(
      'corrupt-chunk',
      `${key} has checksum ${checksumText(actual)} instead of ${checksum}.`,
    );
  }
}
