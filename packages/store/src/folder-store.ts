/** The tile store on a folder: one file a key. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, opendir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TesseraError } from '@tessera/spec';
import { checksumText, crc32c } from './checksum.js';
import { isTemporaryName, linkFileSafely, writeFileOnce, writeFileSafely } from './safe-write.js';
import { isAbsent, storageError } from './storage-error.js';
import { keyParts } from './store-key.js';
import {
  heldOtherwise,
  type PutOptions,
  type PutSource,
  type StoredKey,
  type TileStore,
} from './tile-store.js';

const streamPieceBytes = 1 << 20;

/** Opens the store in `folder`, which is made when absent; `unavailable` where it cannot be. */
export async function openFolderStore(folder: string): Promise<TileStore> {
  const root = resolve(folder);
  try {
    await mkdir(root, { recursive: true });
  } catch (error) {
    throw storageError('write', root, error);
  }
  return new FolderStore(root);
}

async function fileChecksum(file: string): Promise<string> {
  let checksum = 0;
  for await (const piece of createReadStream(file, { highWaterMark: streamPieceBytes }))
    checksum = crc32c(piece as Buffer, checksum);
  return checksumText(checksum);
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  return (await fileChecksum(one)) === (await fileChecksum(other));
}

class FolderStore implements TileStore {
  readonly place: string;
  readonly #root: string;

  constructor(root: string) {
    this.place = root;
    this.#root = root;
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<void> {
    const path = this.#path(key);
    const { durable = true, once = false } = options;
    try {
      if (!once) await writeFileSafely(path, source, durable);
      else if (!(await writeFileOnce(path, source, durable, isSameFile))) throw heldOtherwise(key);
    } catch (error) {
      throw storageError('write', key, error);
    }
  }

  async get(key: string): Promise<Buffer> {
    const path = this.#path(key);
    try {
      return await readFile(path);
    } catch (error) {
      throw storageError('read', key, error);
    }
  }

  async getRange(
    key: string,
    offset: number,
    length: number,
    bytes: Buffer = Buffer.allocUnsafeSlow(length),
  ): Promise<Buffer> {
    let filled = 0;
    for await (const piece of this.#read(key, offset, length, () => bytes.subarray(filled)))
      filled += piece.byteLength;
    return bytes;
  }

  async size(key: string): Promise<number | null> {
    const path = this.#path(key);
    try {
      const found = await stat(path);
      return found.isFile() ? found.size : null;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw storageError('read', key, error);
    }
  }

  stream(key: string, offset: number, length: number): AsyncIterable<Uint8Array> {
    return this.#read(key, offset, length, (left) => Buffer.allocUnsafe(Math.min(left, streamPieceBytes)));
  }

  async copy(from: string, to: string, checksum?: string): Promise<void> {
    const [source, target] = [this.#path(from), this.#path(to)];
    if ((await this.size(from)) === null)
      throw new TesseraError('not-found', `Nothing is stored under ${from}.`);
    try {
      await linkFileSafely(source, target, async (file) => {
        const actual = checksum === undefined ? checksum : await fileChecksum(file);
        if (actual !== checksum)
          throw new TesseraError('corrupt-chunk', `${from} has checksum ${actual} instead of ${checksum}.`);
      });
    } catch (error) {
      throw storageError('write', to, error);
    }
  }

  async *list(prefix: string): AsyncIterable<StoredKey> {
    for await (const { key } of this.#walk(prefix, false)) {
      const bytes = await this.size(key);
      // Null: deleted while we walk.
      if (bytes !== null) yield { key, bytes };
    }
  }

  async listChildren(prefix: string): Promise<string[]> {
    const path = this.#folderPath(prefix);
    try {
      const names = await readdir(path);
      return names.filter((name) => !isTemporaryName(name)).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw storageError('read', prefix, error);
    }
  }

  async deletePrefix(prefix: string): Promise<void> {
    const path = this.#path(prefix);
    try {
      await rm(path, {
        recursive: true,
        force: true,
        maxRetries: 5,
        retryDelay: 20,
      });
    } catch (error) {
      throw storageError('delete', prefix, error);
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await rm(path, { force: true });
    } catch (error) {
      if (!isAbsent(error)) throw storageError('delete', key, error);
    }
  }

  async deleteAbandonedWrites(ageMs: number): Promise<number> {
    const now = Date.now();
    let deleted = 0;
    for await (const { key, path } of this.#walk('', true)) {
      try {
        // ctime: a hard link made from an old tile keeps the tile's mtime.
        if (now - (await stat(path)).ctimeMs < ageMs) continue;
        await rm(path);
        deleted += 1;
      } catch (error) {
        if (!isAbsent(error)) throw storageError('delete', key, error);
      }
    }
    return deleted;
  }

  async check(): Promise<void> {
    const key = `check-${randomBytes(8).toString('hex')}`;
    await this.put(key, Buffer.from('ok'));
    await this.delete(key);
  }

  async freeBytes(): Promise<number | null> {
    try {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    } catch (error) {
      throw storageError('read', 'the free space of the store', error);
    }
  }

  /** Reads `length` bytes into the buffers that `target(bytes left)` gives; yields each as far as it was filled. */
  async *#read(
    key: string,
    offset: number,
    length: number,
    target: (left: number) => Buffer,
  ): AsyncGenerator<Uint8Array> {
    const path = this.#path(key);
    try {
      const handle = await open(path, 'r');
      try {
        let left = length;
        while (left > 0) {
          const buffer = target(left);
          const { bytesRead } = await handle.read(
            buffer,
            0,
            Math.min(left, buffer.byteLength),
            offset + length - left,
          );
          if (bytesRead === 0) {
            throw new TesseraError(
              'corrupt-chunk',
              `${key} ends ${left} bytes before byte ${offset + length}.`,
            );
          }
          left -= bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw storageError('read', key, error);
    }
  }

  async *#walk(prefix: string, temporary: boolean): AsyncGenerator<{ key: string; path: string }> {
    const folders = [prefix];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      try {
        for await (const entry of await opendir(this.#folderPath(folder))) {
          const key = folder === '' ? entry.name : `${folder}/${entry.name}`;
          if (entry.isDirectory()) folders.push(key);
          else if (isTemporaryName(entry.name) === temporary) yield { key, path: join(this.#root, key) };
        }
      } catch (error) {
        // A folder deleted while we walk has no keys left.
        if (!isAbsent(error)) throw storageError('read', folder, error);
      }
    }
  }

  #folderPath(prefix: string): string {
    return prefix === '' ? this.#root : this.#path(prefix);
  }

  #path(key: string): string {
    return join(this.#root, ...keyParts(key));
  }
}
