import type { KernelTile, TileArray, TileArrayName, TileResult } from '@tessera/engine';
import type { KernelName, Precision } from '@tessera/spec';

/** What a block's result holds. */
export interface BlockShape {
  kernels: readonly KernelName[];
  arrays: readonly TileArrayName[];
  precision: Precision;
  /** Numbers of one array. */
  length: number;
  /** Numbers of one array of the largest block of the strip: the last one may be smaller. */
  mostLength: number;
}

const nothing = new Float64Array(0);

/**
 * Arrays of blocks, written over one after the other: fresh pages cost a third of the time of a shallow network, and new
 * arrays make the garbage collector run. Holds those of one length, as many as there are in work at once.
 */
export class BlockMemory {
  #free: TileArray[] = [];

  /** A result to write over, whatever is in it. */
  take({ kernels, arrays, precision, length, mostLength }: BlockShape): TileResult {
    const Numbers = precision === 'f64' ? Float64Array : Float32Array;
    const fits = (array: TileArray) => array.length === mostLength && array instanceof Numbers;
    if (!this.#free.every(fits)) this.#free = [];
    const array = (name: TileArrayName) =>
      arrays.includes(name) ? (this.#free.pop() ?? new Numbers(mostLength)).subarray(0, length) : null;
    const tile = (kernel: KernelName): KernelTile | null => {
      if (!kernels.includes(kernel)) return null;
      const [matrix, complement] = [array('matrix'), array('complement')];
      return { matrix, complement, reference: nothing, rowDeviations: nothing, colDeviations: nothing };
    };
    return { nngp: tile('nngp'), ntk: tile('ntk') };
  }

  giveBack(result: TileResult): void {
    for (const tile of [result.nngp, result.ntk]) {
      for (const array of [tile?.matrix, tile?.complement]) {
        if (array instanceof Float64Array) this.#free.push(new Float64Array(array.buffer));
        else if (array instanceof Float32Array) this.#free.push(new Float32Array(array.buffer));
      }
    }
  }
}
