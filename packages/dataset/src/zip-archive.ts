/** A zip archive whose members are read as streams, with every size and checksum it declares enforced. */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';

/** What is wrong with an archive or a member, in a sentence that starts with what is wrong. */
export class ZipFormatError extends Error {}

export interface ZipMember {
  name: string;
  /** Bytes once inflated, as the directory declares them. */
  bytes: number;
  /** Why it cannot be read; null where it can. */
  unreadable: string | null;
  entry: Entry;
}

const maxMembers = 1000;
const readPieceBytes = 256 * 1024;

export class ZipArchive {
  readonly members: readonly ZipMember[];
  readonly #zip: ZipFile;

  private constructor(zip: ZipFile, members: readonly ZipMember[]) {
    this.#zip = zip;
    this.members = members;
  }

  /** @throws ZipFormatError */
  static async open(path: string): Promise<ZipArchive> {
    const handle = await open(path, 'r');
    let zip: ZipFile;
    try {
      const { size } = await handle.stat();
      zip = await fromRandomAccessReaderPromise(new FileReader(handle, size), size, {
        lazyEntries: true,
        autoClose: false,
        decodeStrings: false,
      });
    } catch (cause) {
      await handle.close();
      throw zipError(cause);
    }
    try {
      return new ZipArchive(zip, await readDirectory(zip));
    } catch (cause) {
      zip.close();
      throw zipError(cause);
    }
  }

  /**
   * The inflated bytes of a member.
   * @throws ZipFormatError where they are not as many as declared, or their crc32 is another
   */
  async *read(member: ZipMember): AsyncGenerator<Buffer> {
    if (member.unreadable !== null) throw new ZipFormatError(member.unreadable);
    const { entry } = member;
    let bytes = 0;
    let checksum = 0;
    const streams: Readable[] = [];
    try {
      const raw = await this.#zip.openReadStreamPromise(entry, { decodeFileData: false });
      streams.push(raw);
      let inflated: Readable = raw;
      if (entry.compressionMethod === 8) {
        inflated = pipeline(raw, createInflateRaw({ chunkSize: readPieceBytes }), () => {});
        streams.push(inflated);
      }
      for await (const piece of inflated as AsyncIterable<Buffer>) {
        bytes += piece.byteLength;
        if (bytes > member.bytes) break;
        checksum = crc32(piece, checksum);
        yield piece;
      }
    } catch (cause) {
      throw zipError(cause);
    } finally {
      for (const stream of streams) stream.destroy();
    }
    if (bytes !== member.bytes) {
      const how = bytes > member.bytes ? 'more' : 'fewer';
      throw new ZipFormatError(`holds ${how} than the ${member.bytes} bytes it declares`);
    }
    if (checksum !== entry.crc32) throw new ZipFormatError('is damaged: its crc32 does not match');
  }

  close(): void {
    this.#zip.close();
  }
}

async function readDirectory(zip: ZipFile): Promise<ZipMember[]> {
  if (zip.entryCount > maxMembers)
    throw new ZipFormatError(`has ${zip.entryCount} members; the limit is ${maxMembers}`);
  const members: ZipMember[] = [];
  for await (const entry of zip.eachEntry()) {
    members.push({
      name: entry.fileNameRaw.toString('utf8'),
      bytes: entry.uncompressedSize,
      unreadable: whyUnreadable(entry),
      entry,
    });
  }
  return members;
}

function whyUnreadable(entry: Entry): string | null {
  if (entry.isEncrypted()) return 'is encrypted';
  if (entry.compressionMethod === 0 || entry.compressionMethod === 8) return null;
  return `is compressed by the method ${entry.compressionMethod}, not stored or deflated`;
}

function zipError(cause: unknown): unknown {
  if (cause instanceof ZipFormatError) return cause;
  if (!(cause instanceof Error)) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  // zlib's codes and yauzl's plain errors speak of the bytes; system errors (EIO, EACCES) of the machine.
  const isOfBytes = code === undefined || code.startsWith('Z_') || code.startsWith('ERR_');
  if (!isOfBytes) return cause;
  const reason = cause.message.replace(/\.+$/, ''); // who reports it ends the sentence
  return new ZipFormatError(`cannot be read: ${reason}`, { cause });
}

/** A file for yauzl. Ranges outside the file are errors here; left to the file system, some would be thrown uncaught. */
class FileReader extends RandomAccessReader {
  readonly #handle: FileHandle;
  readonly #size: number;

  constructor(handle: FileHandle, size: number) {
    super();
    this.#handle = handle;
    this.#size = size;
  }

  #contains(start: number, end: number): boolean {
    return start >= 0 && start <= end && end <= this.#size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    if (!this.#contains(position, position + length)) {
      setImmediate(callback, new ZipFormatError('points outside of itself'));
      return;
    }
    this.#readFully(buffer.subarray(offset, offset + length), position).then(
      () => callback(null),
      (error: Error) => callback(error),
    );
  }

  async #readFully(buffer: Buffer, position: number): Promise<void> {
    for (let filled = 0; filled < buffer.length; ) {
      const { bytesRead } = await this.#handle.read(
        buffer,
        filled,
        buffer.length - filled,
        position + filled,
      );
      if (bytesRead === 0) throw new ZipFormatError('ended while it was read');
      filled += bytesRead;
    }
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false });
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let position = start; position < end; position += readPieceBytes) {
      const piece = Buffer.allocUnsafe(Math.min(readPieceBytes, end - position));
      await this.#readFully(piece, position);
      yield piece;
    }
  }

  override close(callback: (error: Error | null) => void): void {
    this.#handle.close().then(
      () => callback(null),
      (error: Error) => callback(error),
    );
  }
}
