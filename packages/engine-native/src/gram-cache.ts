/**
 * The read-in covariances of recently used pairs of blocks. The same two blocks come back for every kernel of a
 * grid, and their product over thousands of inputs costs as much as many layers. Least recently used first out.
 */
export interface Gram {
  /** (rows, cols), row-major. */
  covariance: Float64Array;
  rowVariance: Float64Array;
  colVariance: Float64Array;
}

const bytesOf = (gram: Gram) =>
  gram.covariance.byteLength + gram.rowVariance.byteLength + gram.colVariance.byteLength;

export class GramCache {
  private readonly entries = new Map<string, Gram>();
  private bytes = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: string): Gram | undefined {
    const gram = this.entries.get(key);
    if (gram === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, gram);
    return gram;
  }

  /** Keeps a Gram matrix, dropping older ones; one larger than the whole cache is not kept. */
  set(key: string, gram: Gram): void {
    const size = bytesOf(gram);
    if (size > this.limit || this.entries.has(key)) return;
    this.entries.set(key, gram);
    this.bytes += size;
    for (const [oldest, dropped] of this.entries) {
      if (this.bytes <= this.limit) break;
      this.entries.delete(oldest);
      this.bytes -= bytesOf(dropped);
    }
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }
}
