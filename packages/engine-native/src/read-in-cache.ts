import type { ReadIn } from './fcn.js';

const bytesOf = (readIn: ReadIn) =>
  readIn.complement.byteLength + readIn.rowVariance.byteLength + readIn.colVariance.byteLength;

/**
 * The read-ins of recently used pairs of blocks. The same two blocks come back for every kernel of a grid, and their
 * products over thousands of inputs cost as much as many layers. Least recently used first out.
 */
export class ReadInCache {
  private readonly entries = new Map<string, ReadIn>();
  private bytes = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: string): ReadIn | undefined {
    const readIn = this.entries.get(key);
    if (readIn === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, readIn);
    return readIn;
  }

  /** Keeps a read-in, dropping older ones; one larger than the whole cache is not kept. */
  set(key: string, readIn: ReadIn): void {
    const size = bytesOf(readIn);
    if (size > this.limit || this.entries.has(key)) return;
    this.entries.set(key, readIn);
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
