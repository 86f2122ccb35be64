/** Lets a few pieces of work run at a time; the others wait in order. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param atOnce how many run at a time, >= 1 */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Runs `work` when its turn comes, and gives the turn on when it has ended, well or not. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
