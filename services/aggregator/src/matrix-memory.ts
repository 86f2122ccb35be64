import { type EigenbasisMemory, eigenbasisMemory } from '@tessera/linalg';

/** What a dense analysis works in: its matrix, and where it needs eigenvectors the decomposition's own. */
export interface AnalysisMemory {
  matrix: Float64Array;
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
      basis: hasVectors ? eigenbasisMemory(size) : undefined,
    };
    try {
      return await work(memory);
    } finally {
      if (size <= largestKept) this.#free.push(memory);
    }
  }
}
