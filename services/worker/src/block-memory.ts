import type { KernelTile, TileArray, TileArrayName, TileResult } from '@tessera/engine';
import type { KernelName, Precision } from '@tessera/spec';

/** What a block's result holds. */
export interface BlockShape {
  kernels: readonly KernelName[];
  arrays: readonly TileArrayName[];
  precision: Precision;
  /** Numbers of one array. */
  length: number;
  /** Numbers of one array of the largest such block: the last one of a strip or of a row of tiles may be smaller. */
  mostLength: number;
}

const nothing = new Float64Array(0);

/**
 * Arrays of tiles and of blocks of strips, written over one after the other: fresh pages cost a third of the time of a
 * shallow network, and new arrays make the garbage collector run. Holds no more bytes than were ever in work at once.
 */
export class BlockMemory {
  /** The longest unused first. */
  readonly #free: ArrayBuffer[] = [];
  #freeBytes = 0;
  #bytesInWork = 0;
  #mostInWork = 0;

  /** A result to write over, whatever is in it. */
  take({ kernels, arrays, precision, length, mostLength }: BlockShape): TileResult {
    const Numbers = precision === 'f64' ? Float64Array : Float32Array;
    const bytes = mostLength * Numbers.BYTES_PER_ELEMENT;
    const array = (name: TileArrayName) =>
      arrays.includes(name) ? new Numbers(this.#takeBuffer(bytes), 0, length) : null;
    const tile = (kernel: KernelName): KernelTile | null => {
      if (!kernels.includes(kernel)) return null;
      const [matrix, complement] = [array('matrix'), array('complement')];
      return { matrix, complement, reference: nothing, rowDeviations: nothing, colDeviations: nothing };
    };
    return { nngp: tile('nngp'), ntk: tile('ntk') };
  }

  /** @param result what `take` gave, or an engine wrote over it */
  giveBack(result: TileResult): void {
    for (const tile of [result.nngp, result.ntk]) {
      for (const array of [tile?.matrix, tile?.complement]) if (array) this.#keep(array);
    }
  }

  /** The smallest that is large enough. */
  #takeBuffer(bytes: number): ArrayBuffer {
    let found = -1;
    this.#free.forEach(({ byteLength }, i) => {
      const best = this.#free[found]?.byteLength ?? Number.POSITIVE_INFINITY;
      if (byteLength >= bytes && byteLength < best) found = i;
    });
    const buffer = this.#free.splice(found, found < 0 ? 0 : 1)[0];
    this.#freeBytes -= buffer?.byteLength ?? 0;
    this.#bytesInWork += buffer?.byteLength ?? bytes;
    this.#mostInWork = Math.max(this.#mostInWork, this.#bytesInWork);
    this.#drop();
    return buffer ?? new ArrayBuffer(bytes);
  }

  #keep({ buffer }: TileArray): void {
    this.#bytesInWork -= buffer.byteLength;
    this.#free.push(buffer as ArrayBuffer);
    this.#freeBytes += buffer.byteLength;
    this.#drop();
  }

  #drop(): void {
    while (this.#freeBytes + this.#bytesInWork > this.#mostInWork) {
      this.#freeBytes -= this.#free.shift()?.byteLength ?? 0;
    }
  }
}
