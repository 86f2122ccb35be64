/** Streams of bytes cut into pieces of one size. */

/**
 * The bytes of `source` in fresh, aligned pieces of `bytes` each, the last one shorter where they do not come out even.
 * A piece belongs to whoever receives it.
 */
export async function* equalPieces(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(bytes);
  let filled = 0;
  for await (const part of source) {
    for (let taken = 0; taken < part.byteLength; ) {
      const length = Math.min(bytes - filled, part.byteLength - taken);
      piece.set(part.subarray(taken, taken + length), filled);
      taken += length;
      filled += length;
      if (filled < bytes) continue;
      yield piece;
      piece = new Uint8Array(bytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.slice(0, filled);
}
