/**
 * The memory an aggregator states it may hold, lent to analyses first come first served: two that do not fit together wait
 * for one another. One that alone asks for more than all of it gets all of it.
 */
export class MemoryBudget {
  readonly #bytes: number;
  #free: number;
  readonly #waiting: { bytes: number; start: () => void }[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#free = bytes;
  }

  /** Runs `work` once so many bytes are free, and gives them back when it ends. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#bytes);
    if (this.#waiting.length === 0 && taken <= this.#free) this.#free -= taken;
    else await new Promise<void>((start) => this.#waiting.push({ bytes: taken, start }));
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (let first = this.#waiting[0]; first && first.bytes <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.start();
    }
  }
}
