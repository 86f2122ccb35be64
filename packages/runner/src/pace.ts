/** How far back the pace of a worker looks. */
const windowMs = 60_000;

/** Tasks a second over the last minute, or since the start where that is less ago. */
export class Pace {
  readonly #startedAt = performance.now();
  #done: number[] = [];

  /** One more task was accepted. */
  count(): void {
    this.#done.push(performance.now());
  }

  perSecond(): number {
    const now = performance.now();
    this.#done = this.#done.filter((at) => now - at < windowMs);
    return (1000 * this.#done.length) / Math.max(1000, Math.min(windowMs, now - this.#startedAt));
  }
}
