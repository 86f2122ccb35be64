/** What tiles, results and data sets are stored in: a folder, or later a bucket. */

/** Bytes to store: in one piece, in several, or as they come. */
export type PutSource = Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>;

export interface PutOptions {
  /**
   * True (the default): when `put` returns, the bytes outlive a power cut. False: the write is atomic but not synced;
   * only for temporary chunks, which readers verify and recompute when wrong.
   */
  durable?: boolean;
}

/**
 * Keys are '/'-separated, made by this project and never from a user's input. A key is absent or whole: no reader ever
 * sees a part of a write. Errors: `not-found` for an absent key, `corrupt-chunk` where fewer bytes are stored than
 * asked for, `unavailable` where the storage itself fails (full, read-only, I/O error).
 */
export interface TileStore {
  put(key: string, source: PutSource, options?: PutOptions): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Exactly `length` bytes from `offset`. */
  getRange(key: string, offset: number, length: number): Promise<Buffer>;
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
  list(prefix: string): AsyncIterable<string>;
  /** Names directly below the folder `prefix`, folders included, sorted. */
  listChildren(prefix: string): Promise<string[]>;
  /** Deletes every key below the folder `prefix`; nothing there is fine. */
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
