/**
 * The tile store in a bucket of S3, or of what speaks its protocol with conditional writes: one object a key.
 *
 * A PUT is atomic and durable, so the folder store's temporary files have no counterpart; what is larger than a part goes
 * up in several, which become an object all at once. Every part travels with its crc32c, which the server checks. Requests
 * are tried again by the client, with exponential backoff and jitter; a body that breaks off is asked for again from where
 * it broke off, of the same object (ETag).
 */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  S3Client,
} from '@aws-sdk/client-s3';
import type { StoreLocation } from '@tessera/config';
import { TesseraError } from '@tessera/spec';
import { checksumText, crc32c } from './checksum.js';
import { isNetworkFailure, s3Error, s3Status } from './s3-error.js';
import { abandon, type Bucket, upload, partBytes as usualPartBytes } from './s3-upload.js';
import { keyParts } from './store-key.js';
import {
  heldOtherwise,
  type PutOptions,
  type PutSource,
  type StoredKey,
  type TileStore,
} from './tile-store.js';

export type S3Location = Extract<StoreLocation, { kind: 's3' }>;

export interface S3Patience {
  /** Times a request, or the rest of a body, is asked for before the store counts as away. */
  attempts?: number;
  /** A connection that says nothing for so long was cut off without a word. */
  silenceMs?: number;
  /** Bytes of a part of an upload: 5 MiB (S3's least) or more. */
  partBytes?: number;
}

/** The largest object that the server copies in one request. */
const largestCopyBytes = 5 * 2 ** 30;
/** The most keys that one request deletes. */
const deleteBatch = 1000;

/**
 * Opens a bucket. Region, endpoint and credentials are those of the AWS SDK's default chain: variables, shared files, web
 * identity, container, instance.
 * @throws TesseraError unavailable, where the bucket is not there, not open to us, or does not answer
 */
export async function openS3Store(location: S3Location, patience: S3Patience = {}): Promise<TileStore> {
  const store = new S3Store(location, patience);
  await store.reach();
  return store;
}

class S3Store implements TileStore {
  readonly place: string;
  readonly #client: S3Client;
  readonly #bucket: Bucket;
  readonly #name: string;
  /** '' or `prefix/`. */
  readonly #base: string;
  readonly #attempts: number;

  constructor({ bucket, prefix, endpoint, region, pathStyle }: S3Location, patience: S3Patience) {
    const { attempts = 6, silenceMs = 30_000, partBytes = usualPartBytes } = patience;
    this.place = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#name = bucket;
    this.#base = prefix === '' ? '' : `${prefix}/`;
    this.#attempts = attempts;
    this.#client = new S3Client({
      ...(endpoint !== null && { endpoint }),
      ...(region !== null && { region }),
      forcePathStyle: pathStyle,
      maxAttempts: attempts,
      retryMode: 'standard',
      // Ours travel with every upload, and every chunk that is read is verified by the crc32c stored with it.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: 5000, socketTimeout: silenceMs },
    });
    this.#bucket = { client: this.#client, name: bucket, partBytes };
  }

  /** One request that needs the bucket and the right to list it. */
  async reach(): Promise<void> {
    await this.#asking('read', 'anything', () => this.#listPage(this.#base, { MaxKeys: 1 }));
  }

  async put(key: string, source: PutSource, options: PutOptions = {}): Promise<void> {
    const name = this.#key(key);
    const once = options.once ?? false;
    await this.#asking('write', key, async () => {
      const { isStored, checksum, bytes } = await upload(this.#bucket, name, source, once);
      if (isStored) return;
      // Somebody was there before: we ourselves, whose first answer was lost, or another.
      const isSame = (await this.size(key)) === bytes && (await this.#checksum(key, bytes)) === checksum;
      if (!isSame)
        throw once ? heldOtherwise(key) : new TesseraError('unavailable', `${key} was ended meanwhile.`);
    });
  }

  async get(key: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#read(key, 0, null)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async getRange(
    key: string,
    offset: number,
    length: number,
    bytes: Buffer = Buffer.allocUnsafeSlow(length),
  ): Promise<Buffer> {
    let filled = 0;
    for await (const piece of this.#read(key, offset, length)) {
      bytes.set(piece, filled);
      filled += piece.byteLength;
    }
    return bytes;
  }

  async size(key: string): Promise<number | null> {
    return (await this.#head(key))?.bytes ?? null;
  }

  stream(key: string, offset: number, length: number): AsyncIterable<Uint8Array> {
    return this.#read(key, offset, length);
  }

  async copy(from: string, to: string, checksum?: string): Promise<void> {
    const [source, target] = [this.#key(from), this.#key(to)];
    const found = await this.#head(from);
    if (found === null) throw new TesseraError('not-found', `Nothing is stored under ${from}.`);
    const { bytes, etag } = found;
    if (bytes > largestCopyBytes) {
      await this.put(to, this.#verified(from, bytes, checksum));
      return;
    }
    if (checksum !== undefined) for await (const _ of this.#verified(from, bytes, checksum, etag));
    await this.#asking('write', to, async () => {
      await this.#client.send(
        new CopyObjectCommand({
          Bucket: this.#name,
          Key: target,
          CopySource: `${this.#name}/${source.split('/').map(encodeURIComponent).join('/')}`,
          CopySourceIfMatch: etag,
        }),
      );
    });
  }

  async *list(prefix: string): AsyncIterable<StoredKey> {
    for await (const { Contents = [] } of this.#pages(prefix)) {
      for (const { Key = '', Size = 0 } of Contents) yield { key: Key.slice(this.#base.length), bytes: Size };
    }
  }

  async listChildren(prefix: string): Promise<string[]> {
    const folder = this.#folder(prefix);
    const names: string[] = [];
    for await (const { Contents = [], CommonPrefixes = [] } of this.#pages(prefix, { Delimiter: '/' })) {
      for (const { Key = '' } of Contents) names.push(Key.slice(folder.length));
      for (const { Prefix = '' } of CommonPrefixes) names.push(Prefix.slice(folder.length, -1));
    }
    return names.sort();
  }

  async deletePrefix(prefix: string): Promise<void> {
    let batch = [this.#key(prefix)];
    for await (const { key } of this.list(prefix)) {
      batch.push(this.#base + key);
      if (batch.length < deleteBatch) continue;
      await this.#deleteAll(prefix, batch);
      batch = [];
    }
    if (batch.length > 0) await this.#deleteAll(prefix, batch);
  }

  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.#name, Key: this.#key(key) });
    await this.#asking('delete', key, () => this.#client.send(command));
  }

  async deleteAbandonedWrites(ageMs: number): Promise<number> {
    const latest = Date.now() - ageMs;
    let deleted = 0;
    let after: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | null = null;
    do {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
        Bucket: this.#name,
        Prefix: this.#base,
        ...after,
      });
      const page = await this.#asking('read', 'unfinished uploads', () => this.#client.send(command));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (!Key || !UploadId || !Initiated || Initiated.getTime() > latest) continue;
        await this.#asking('delete', Key, () => abandon(this.#bucket, Key, UploadId));
        deleted += 1;
      }
      after = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : null;
    } while (after);
    return deleted;
  }

  async check(): Promise<void> {
    const key = `check-${randomBytes(8).toString('hex')}`;
    await this.put(key, Buffer.from('ok'));
    await this.delete(key);
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async #head(key: string): Promise<{ bytes: number; etag: string | undefined } | null> {
    const command = new HeadObjectCommand({ Bucket: this.#name, Key: this.#key(key) });
    try {
      const { ContentLength = 0, ETag } = await this.#client.send(command);
      return { bytes: ContentLength, etag: ETag };
    } catch (error) {
      if (s3Status(error) === 404) return null;
      throw s3Error('read', key, this.place, error);
    }
  }

  /** `length` bytes from `offset`, or all (null). A body that breaks off goes on where it broke off. */
  async *#read(
    key: string,
    offset: number,
    length: number | null,
    match?: string,
  ): AsyncGenerator<Uint8Array> {
    const name = this.#key(key);
    let [at, end, etag] = [offset, length === null ? null : offset + length, match];
    for (let failures = 0; end === null || at < end; ) {
      const range = end === null ? undefined : `bytes=${at}-${end - 1}`;
      const command = new GetObjectCommand({ Bucket: this.#name, Key: name, Range: range, IfMatch: etag });
      const { Body, ContentLength, ETag } = await this.#asking('read', key, () => this.#client.send(command));
      etag ??= ETag;
      const promised = at + (ContentLength ?? 0);
      end ??= promised;
      if (promised < end) {
        (Body as Readable).destroy();
        throw new TesseraError('corrupt-chunk', `${key} ends ${end - promised} bytes before byte ${end}.`);
      }
      try {
        for await (const piece of Body as Readable) {
          at += piece.byteLength;
          failures = 0;
          yield piece;
        }
        if (at >= end) return;
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      } catch (error) {
        failures += 1;
        if (!isNetworkFailure(error) || failures >= this.#attempts)
          throw s3Error('read', key, this.place, error);
        await sleep(Math.random() * Math.min(5000, 100 * 2 ** failures));
      }
    }
  }

  /** All bytes of a key; fails at its end where their crc32c is not the one asked for. */
  async *#verified(
    key: string,
    bytes: number,
    checksum: string | undefined,
    etag?: string,
  ): AsyncGenerator<Uint8Array> {
    let actual = 0;
    for await (const piece of this.#read(key, 0, bytes, etag)) {
      actual = crc32c(piece, actual);
      yield piece;
    }
    if (checksum !== undefined && checksumText(actual) !== checksum) {
      const message = `${key} has checksum ${checksumText(actual)} instead of ${checksum}.`;
      throw new TesseraError('corrupt-chunk', message);
    }
  }

  async #checksum(key: string, bytes: number): Promise<number> {
    let checksum = 0;
    for await (const piece of this.#read(key, 0, bytes)) checksum = crc32c(piece, checksum);
    return checksum;
  }

  async #deleteAll(prefix: string, names: readonly string[]): Promise<void> {
    const Objects = names.map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({ Bucket: this.#name, Delete: { Objects, Quiet: true } });
    const { Errors = [] } = await this.#asking('delete', prefix, () => this.#client.send(command));
    const [first] = Errors;
    if (!first) return;
    const message = `Cannot delete ${first.Key} in ${this.place}: ${first.Code} (and ${Errors.length - 1} others).`;
    throw new TesseraError('unavailable', message);
  }

  async *#pages(prefix: string, more: object = {}): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const page = await this.#asking('read', prefix, () =>
        this.#listPage(this.#folder(prefix), { ...more, ContinuationToken: token }),
      );
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  #listPage(prefix: string, more: object): Promise<ListObjectsV2CommandOutput> {
    return this.#client.send(new ListObjectsV2Command({ Bucket: this.#name, Prefix: prefix, ...more }));
  }

  async #asking<T>(action: 'read' | 'write' | 'delete', key: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw s3Error(action, key, this.place, error);
    }
  }

  #folder(prefix: string): string {
    return prefix === '' ? this.#base : `${this.#key(prefix)}/`;
  }

  #key(key: string): string {
    return this.#base + keyParts(key).join('/');
  }
}
