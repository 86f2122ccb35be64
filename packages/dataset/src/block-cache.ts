/** The most recently used blocks, bounded by their bytes. */
import type { ImageBlock } from './image-block.js';

export class BlockCache {
  readonly #capacity: number;
  readonly #blocks = new Map<string, { block: Promise<ImageBlock>; bytes: number }>();
  #bytes = 0;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  /** The block of a key, made where it is not here. Two who ask at once share one making; a failed one is forgotten. */
  get(key: string, bytes: number, make: () => Promise<ImageBlock>): Promise<ImageBlock> {
    const known = this.#blocks.get(key);
    if (known !== undefined) {
      this.#blocks.delete(key);
      this.#blocks.set(key, known);
      return known.block;
    }
    const made = { block: make(), bytes };
    made.block.catch(() => {
      if (this.#blocks.get(key) === made) this.#forget(key);
    });
    this.#blocks.set(key, made);
    this.#bytes += bytes;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#capacity) break;
      this.#forget(oldest);
    }
    return made.block;
  }

  #forget(key: string): void {
    this.#bytes -= this.#blocks.get(key)?.bytes ?? 0;
    this.#blocks.delete(key);
  }
}
