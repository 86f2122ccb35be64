/** An amount of something, lent first come first served: who wants much is not starved by those who want little. */
export class FairBudget {
  #free: number;
  readonly #waiting: { amount: number; start: () => void }[] = [];

  constructor(total: number) {
    this.#free = total;
  }

  /** Resolves once so much is free and everyone who asked before has it. At most the total, or it waits for ever. */
  async take(amount: number): Promise<void> {
    if (this.#waiting.length === 0 && amount <= this.#free) {
      this.#free -= amount;
      return;
    }
    await new Promise<void>((start) => this.#waiting.push({ amount, start }));
  }

  giveBack(amount: number): void {
    this.#free += amount;
    for (let first = this.#waiting[0]; first && first.amount <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.amount;
      first.start();
    }
  }
}
