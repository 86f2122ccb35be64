import { type EigenbasisMemory, eigenbasisMemory } from '@tessera/linalg';
import { storedChunkBytes } from '@tessera/store';

/** What a dense analysis works in: its matrix, what that is read into, and where it needs eigenvectors the decomposition's own. */
export interface AnalysisMemory {
  matrix: Float64Array;
  /** Of a matrix that is one stored tile; none for larger ones. */
  room: Buffer | undefined;
  basis: EigenbasisMemory | undefined;
}

/** Matrices up to this side are kept between analyses; larger ones would hold what the memory budget counts as free. */
const largestKept = 1024;

/**
 * Memory of analyses of one size, used again: thousands of small ones would make the garbage collector run for every
 * twenty of them, at 20 ms each.
 */
export class MatrixMemory {
  readonly #free: AnalysisMemory[] = [];

  async run<T>(size: number, hasVectors: boolean, work: (memory: AnalysisMemory) => Promise<T>): Promise<T> {
    const found = this.#free.findLast(
      ({ matrix, basis }) => matrix.length === size * size && (basis !== undefined || !hasVectors),
    );
    if (found) this.#free.splice(this.#free.indexOf(found), 1);
    else if (size <= largestKept) this.#free.length = 0;
    const memory = found ?? {
      matrix: new Float64Array(size * size),
      room: size <= largestKept ? Buffer.from(new ArrayBuffer(storedChunkBytes(8 * size * size))) : undefined,
      basis: hasVectors ? eigenbasisMemory(size) : undefined,
    };
    try {
      return await work(memory);
    } finally {
      if (size <= largestKept) this.#free.push(memory);
    }
  }
}
