import type { TileResult } from '@tessera/engine';

/**
 * Results of blocks that may be written over: fresh pages cost a third of the time of a shallow network, and new arrays
 * keep the garbage collector busy. Holds those of one size, as many as there are strips in work.
 */
export class BlockMemory {
  #shape = '';
  #free: TileResult[] = [];

  /** A result that was given back for this shape, or undefined. */
  take(shape: string): TileResult | undefined {
    return shape === this.#shape ? this.#free.pop() : undefined;
  }

  giveBack(shape: string, result: TileResult): void {
    if (shape !== this.#shape) this.#free = [];
    this.#shape = shape;
    this.#free.push(result);
  }
}
