import { TesseraError } from '@tessera/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../src/checksum.js';
import { putChunk, readChunk } from '../src/chunk.js';
import { encodeShard, readShardChunk, shardBytes, streamShard, verifyShard } from '../src/shard.js';
import type { TileStore } from '../src/tile-store.js';
import { collect, temporaryStore } from './experiment-fixture.js';

const chunkBytes = 24;
const chunks = [0, 1, 2].map((value) => Buffer.from(Float64Array.of(value, value + 0.5, Number.NaN).buffer));
const shard = encodeShard(chunks);
const file = Buffer.concat(shard.parts);

let store: TileStore;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ store, remove } = await temporaryStore());
});
afterEach(() => remove());

/** Reads chunk `index` of a stored file: the bytes, or the code of the error. */
async function outcome(stored: Uint8Array, index: number): Promise<Buffer | string> {
  await store.put('s', stored, { durable: false });
  try {
    return await readShardChunk(store, 's', index, chunks.length, chunkBytes);
  } catch (error) {
    return error instanceof TesseraError ? error.code : String(error);
  }
}

describe('crc32c', () => {
  it('is the Castagnoli checksum of RFC 3720, and continues from a previous one', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.from('56789'), crc32c(Buffer.from('1234')))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  });
});

describe('a shard', () => {
  it('gives back each chunk, and tells its size and checksum', async () => {
    for (const [index, chunk] of chunks.entries()) expect(await outcome(file, index)).toEqual(chunk);
    expect(shard.bytes).toBe(file.byteLength);
    expect(shardBytes(chunks.length, chunkBytes)).toBe(file.byteLength);
    expect(shard.checksum).toBe(crc32c(file).toString(16).padStart(8, '0'));
    await verifyShard(store, 's', shard.checksum);
    await expect(verifyShard(store, 's', '00000000')).rejects.toMatchObject({ code: 'corrupt-chunk' });
    await expect(verifyShard(store, 'absent', shard.checksum)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('streamed chunk by chunk is the same file', async () => {
    async function* source() {
      yield* chunks;
    }
    expect((await collect(streamShard(source(), chunks.length, chunkBytes))).equals(file)).toBe(true);
    await expect(collect(streamShard(source(), 4, chunkBytes))).rejects.toMatchObject({ code: 'internal' });
  });

  it('refuses chunks of several lengths, and none', () => {
    expect(() => encodeShard([])).toThrow(TesseraError);
    expect(() => encodeShard([Buffer.alloc(8), Buffer.alloc(16)])).toThrow(TesseraError);
  });

  it('truncated at any byte, or longer than written, is corrupt-chunk', async () => {
    for (let length = 0; length < file.byteLength; length += 1) {
      expect(await outcome(file.subarray(0, length), length % 3), `${length} bytes`).toBe('corrupt-chunk');
    }
    expect(await outcome(Buffer.concat([file, Buffer.alloc(1)]), 0)).toBe('corrupt-chunk');
  });

  it('with any one bit flipped: the damaged chunk is corrupt-chunk, the others read right', async () => {
    const chunkEnd = chunks.length * (chunkBytes + 4);
    for (let bit = 0; bit < file.byteLength * 8; bit += 1) {
      const damaged = Buffer.from(file);
      const byte = bit >> 3;
      damaged[byte] = (damaged[byte] as number) ^ (1 << (bit & 7));
      const hit = byte < chunkEnd ? Math.floor(byte / (chunkBytes + 4)) : null;
      for (const index of chunks.keys()) {
        const expected = hit === null || hit === index ? 'corrupt-chunk' : chunks[index];
        expect(await outcome(damaged, index), `bit ${bit}, chunk ${index}`).toEqual(expected);
      }
    }
  });

  it('whose blocks the disk lost (zeros), or that is absent, never reads as zeros', async () => {
    expect(await outcome(Buffer.alloc(file.byteLength), 0)).toBe('corrupt-chunk');
    const lost = Buffer.from(file).fill(0, 0, chunkBytes + 4);
    expect(await outcome(lost, 0)).toBe('corrupt-chunk');
    await expect(readShardChunk(store, 'absent', 0, 3, chunkBytes)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('read with another number or size of chunks than it was written with is corrupt-chunk', async () => {
    await store.put('s', file);
    await expect(readShardChunk(store, 's', 0, 2, chunkBytes)).rejects.toMatchObject({
      code: 'corrupt-chunk',
    });
    await expect(readShardChunk(store, 's', 0, 3, 16)).rejects.toMatchObject({ code: 'corrupt-chunk' });
  });
});

describe('a chunk stored on its own', () => {
  it('reads back, and is corrupt-chunk where truncated or flipped', async () => {
    const chunk = chunks[1] as Buffer;
    await putChunk(store, 'c', chunk);
    expect(await readChunk(store, 'c', chunkBytes)).toEqual(chunk);
    const stored = await store.get('c');
    for (let length = 0; length < stored.byteLength; length += 1) {
      await store.put('c', stored.subarray(0, length), { durable: false });
      await expect(readChunk(store, 'c', chunkBytes)).rejects.toMatchObject({ code: 'corrupt-chunk' });
      const damaged = Buffer.from(stored);
      damaged[length] = (damaged[length] as number) ^ 0x10;
      await store.put('c', damaged, { durable: false });
      await expect(readChunk(store, 'c', chunkBytes)).rejects.toMatchObject({ code: 'corrupt-chunk' });
    }
    await expect(readChunk(store, 'absent', chunkBytes)).rejects.toMatchObject({ code: 'not-found' });
  });
});
