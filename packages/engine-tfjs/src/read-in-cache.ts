/** delta of pairs of blocks of vectors, kept: the same two blocks come back for every kernel of a grid. Least recently used first out. */
export class ReadInCache {
  readonly #entries = new Map<string, Float64Array>();
  readonly #limit: number;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: string): Float64Array | undefined {
    const known = this.#entries.get(key);
    if (known === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, known);
    return known;
  }

  /** Keeps a read-in, dropping older ones; one larger than the whole cache is not kept. */
  set(key: string, complements: Float64Array): void {
    if (complements.byteLength > this.#limit || this.#entries.has(key)) return;
    this.#entries.set(key, complements);
    this.#bytes += complements.byteLength;
    for (const [oldest, dropped] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#entries.delete(oldest);
      this.#bytes -= dropped.byteLength;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
