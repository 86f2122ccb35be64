/** How far back the rate looks, in the sense of an exponential average. */
const memoryMs = 500;

/** How fast a queue drains, from how much was in it when it was last filled and how much is left. */
export class Drain {
  #filledTo = 0;
  #filledAt = 0;
  #perMs = 0;

  /** What was queued and in work at the last filling, and is not any more, was drained since. @returns tasks a millisecond */
  observe(outstanding: number, nowMs: number): number {
    const elapsed = nowMs - this.#filledAt;
    if (elapsed > 0) {
      const rate = Math.max(0, this.#filledTo - outstanding) / elapsed;
      this.#perMs += (rate - this.#perMs) * (1 - Math.exp(-elapsed / memoryMs));
    }
    this.#filledTo = outstanding;
    this.#filledAt = nowMs;
    return this.#perMs;
  }

  /** Milliseconds until half of what is in the queue is drained; infinite where nothing is, or nothing drains. */
  get halfMs(): number {
    return this.#filledTo > 0 ? this.#filledTo / 2 / this.#perMs : Number.POSITIVE_INFINITY;
  }

  /** So many more were queued. */
  filled(tasks: number): void {
    this.#filledTo += tasks;
  }
}
