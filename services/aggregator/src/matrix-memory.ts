import { type EigenbasisMemory, eigenbasisMemory } from '@tessera/linalg';

/** What a dense analysis works in: its matrix, what that is read into, and where it needs eigenvectors the decomposition's own. */
export interface AnalysisMemory {
  matrix: Float64Array;
  /** For one stored tile. */
  room: Buffer;
  basis: EigenbasisMemory | undefined;
}

/** Matrices up to this side are kept between analyses; larger ones would hold what the memory budget counts as free. */
const largestKept = 2048;

/**
 * Memory of analyses of one size, used again: new arrays would make the garbage collector run, 20 ms and more of every
 * core, for every twenty small ones and twice for one of 1,500 images.
 */
export class MatrixMemory {
  readonly #free: AnalysisMemory[] = [];

  /** @param tileBytes of a stored tile */
  async run<T>(
    size: number,
    tileBytes: number,
    hasVectors: boolean,
    work: (memory: AnalysisMemory) => Promise<T>,
  ): Promise<T> {
    const found = this.#free.findLast(
      ({ matrix, room, basis }) =>
        matrix.length === size * size && room.byteLength >= tileBytes && (basis !== undefined || !hasVectors),
    );
    if (found) this.#free.splice(this.#free.indexOf(found), 1);
    else this.#free.length = 0;
    const memory = found ?? {
      matrix: new Float64Array(size * size),
      room: Buffer.from(new ArrayBuffer(tileBytes)),
      basis: hasVectors ? eigenbasisMemory(size) : undefined,
    };
    try {
      return await work(memory);
    } finally {
      if (size <= largestKept) this.#free.push(memory);
    }
  }
}
