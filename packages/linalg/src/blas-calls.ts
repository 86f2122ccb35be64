import type { CoreBudget } from './core-budget.js';
import type { OpenBlas } from './openblas.js';

/**
 * From this size on a problem takes the whole budget with as many BLAS threads; smaller ones run on one thread, many
 * at once. Measured on 2 cores: 40 dsyevd of n = 256 take 0.13 s at one thread, 7.4 s at two (the threads spin).
 */
export const exclusiveSize = 2048;

/** OpenBLAS under the core budget: the one place where its thread count changes. */
export class BlasCalls {
  readonly #blas: OpenBlas;
  readonly cores: CoreBudget;

  constructor(blas: OpenBlas, cores: CoreBudget) {
    this.#blas = blas;
    this.cores = cores;
    blas.setThreads(1);
  }

  /** Runs a routine on a problem of the given size (the side of its matrix). */
  run<T>(size: number, call: (blas: OpenBlas) => Promise<T>): Promise<T> {
    const blas = this.#blas;
    if (size < exclusiveSize) return this.cores.run(1, () => call(blas));
    return this.cores.run(this.cores.cores, async () => {
      // The setting is the process's; it may change only because nothing else runs now.
      blas.setThreads(this.cores.cores);
      try {
        return await call(blas);
      } finally {
        blas.setThreads(1);
      }
    });
  }
}

export const int = (value: number): Int32Array => Int32Array.of(value);
export const real = (value: number): Float64Array => Float64Array.of(value);
