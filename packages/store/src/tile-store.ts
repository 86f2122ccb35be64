/** What tiles, results and data sets are stored in: a folder (folder-store.ts) or a bucket (s3-store.ts). */
import { TesseraError } from '@tessera/spec';

/** Bytes to store: in one piece, in several, or as they come. */
export type PutSource = Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>;

export interface PutOptions {
  /**
   * True (the default): when `put` returns, the bytes outlive a power cut. False: the write is atomic but may not be
   * synced; only for temporary chunks, which readers verify and recompute when wrong.
   */
  durable?: boolean;
  /**
   * True: a key that holds something is never replaced. The same bytes again are fine (an answer was lost, and the write
   * tried again); others are `internal`, and the key stays as it was.
   */
  once?: boolean;
}

/** A key, and the bytes stored under it. */
export interface StoredKey {
  key: string;
  bytes: number;
}

/**
 * Keys are '/'-separated, made by this project and never from a user's input. A key is absent or whole: no reader ever
 * sees a part of a write. Errors: `not-found` for an absent key, `corrupt-chunk` where fewer bytes are stored than
 * asked for, `unavailable` where the storage itself fails (full, read-only, away, access denied).
 */
export interface TileStore {
  /** Where it is, for people: a folder, or `s3://bucket/prefix`. */
  readonly place: string;
  put(key: string, source: PutSource, options?: PutOptions): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Exactly `length` bytes from `offset`. @param into `length` bytes to fill and return; new ones otherwise */
  getRange(key: string, offset: number, length: number, into?: Buffer): Promise<Buffer>;
  /** Bytes stored under the key, null when there are none. */
  size(key: string): Promise<number | null>;
  /** Exactly `length` bytes from `offset`, a piece at a time. */
  stream(key: string, offset: number, length: number): AsyncIterable<Uint8Array>;
  /**
   * Makes `to` hold what `from` holds, atomically and durably, without moving bytes where the storage can.
   * @param checksum crc32c of the whole, as `checksumText` writes it: `corrupt-chunk`, and `to` as it was, where what
   *   would be stored there has another
   */
  copy(from: string, to: string, checksum?: string): Promise<void>;
  /** Every key below the folder `prefix` ('' for all), in no particular order. */
  list(prefix: string): AsyncIterable<StoredKey>;
  /** Names directly below the folder `prefix`, folders included, sorted. */
  listChildren(prefix: string): Promise<string[]>;
  /** Deletes the key `prefix` and every key below it; nothing there is fine. */
  deletePrefix(prefix: string): Promise<void>;
  /** Deletes one key; an absent one is fine. */
  delete(key: string): Promise<void>;
  /** Deletes what writes that never ended have left and that is older than `ageMs`; returns how many there were. */
  deleteAbandonedWrites(ageMs: number): Promise<number>;
  /** Writes and deletes a few bytes; throws `unavailable` when that fails. */
  check(): Promise<void>;
  /** Bytes that can still be written, null when the storage cannot tell. */
  freeBytes(): Promise<number | null>;
}

/** What a `once` put throws where the key holds other bytes. */
export function heldOtherwise(key: string): TesseraError {
  return new TesseraError(
    'internal',
    `${key} is written once, and holds other bytes already. It stays as it was.`,
  );
}
