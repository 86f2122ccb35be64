import { AsyncLocalStorage } from 'node:async_hooks';
import { FairBudget } from './fair-budget.js';

/**
 * The cores of one process, lent to native calls first come first served. BLAS threads and tile threads share one budget
 * and so never oversubscribe the machine.
 */
export class CoreBudget {
  /** The budget's size. */
  readonly cores: number;
  readonly #budget: FairBudget;
  readonly #holding = new AsyncLocalStorage<{ active: boolean }>();

  constructor(cores: number) {
    if (!Number.isInteger(cores) || cores < 1)
      throw new RangeError(`A core budget has at least 1 core, not ${cores}.`);
    this.cores = cores;
    this.#budget = new FairBudget(cores);
  }

  /**
   * Runs `work` once `cores` cores are free and everyone who asked before has started; gives them back when it ends.
   * @throws Error when called from within work that holds cores of this budget: two such calls can wait for each
   *   other for ever
   */
  async run<T>(cores: number, work: () => Promise<T>): Promise<T> {
    if (!Number.isInteger(cores) || cores < 1 || cores > this.cores) {
      throw new RangeError(`A call takes between 1 and ${this.cores} cores, not ${cores}.`);
    }
    if (this.#holding.getStore()?.active) throw new Error('Work that holds cores may not ask for more.');
    await this.#budget.take(cores);
    const holding = { active: true };
    try {
      return await this.#holding.run(holding, work);
    } finally {
      holding.active = false;
      this.#budget.giveBack(cores);
    }
  }
}
