import { AsyncLocalStorage } from 'node:async_hooks';

interface Waiting {
  cores: number;
  start(): void;
}

/**
 * The cores of one process, lent to native calls: a fair semaphore, first come first served, so that a call that
 * wants every core is not starved by small ones. BLAS threads and tile threads share one budget and so never
 * oversubscribe the machine.
 */
export class CoreBudget {
  /** The budget's size. */
  readonly cores: number;
  #free: number;
  readonly #waiting: Waiting[] = [];
  readonly #holding = new AsyncLocalStorage<{ active: boolean }>();

  constructor(cores: number) {
    if (!Number.isInteger(cores) || cores < 1)
      throw new RangeError(`A core budget has at least 1 core, not ${cores}.`);
    this.cores = cores;
    this.#free = cores;
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
    await this.#take(cores);
    const holding = { active: true };
    try {
      return await this.#holding.run(holding, work);
    } finally {
      holding.active = false;
      this.#free += cores;
      this.#startWaiting();
    }
  }

  async #take(cores: number): Promise<void> {
    if (this.#waiting.length === 0 && cores <= this.#free) {
      this.#free -= cores;
      return;
    }
    await new Promise<void>((start) => this.#waiting.push({ cores, start }));
  }

  #startWaiting(): void {
    for (let first = this.#waiting[0]; first && first.cores <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.cores;
      first.start();
    }
  }
}
