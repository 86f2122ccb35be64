import { FairBudget } from '@tessera/linalg';

/**
 * The memory an aggregator states it may hold, lent to analyses: two that do not fit together wait for one another. One
 * that alone asks for more than all of it gets all of it.
 */
export class MemoryBudget {
  readonly #bytes: number;
  readonly #budget: FairBudget;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#budget = new FairBudget(bytes);
  }

  /** Runs `work` once so many bytes are free, and gives them back when it ends. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#bytes);
    await this.#budget.take(taken);
    try {
      return await work();
    } finally {
      this.#budget.giveBack(taken);
    }
  }
}
