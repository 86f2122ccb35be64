/**
 * Tasks that give their slot back before they end: once a tile is computed and is only to be written, the next one may be
 * taken. Not sooner, or a worker would hold tasks for which another one has cores. At most so many at a time: what is computed
 * must not outrun what is written.
 */
export class EarlyReleases {
  #left: number;
  readonly #waiting = new Set<() => void>();
  readonly #inHand = new Set<Promise<void>>();

  constructor(most: number) {
    this.#left = most;
  }

  /** Runs `work`, which must not fail. Resolves when it has ended or, where it calls `release`, may have its slot taken. */
  run(work: (release: () => void) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      let isReleased = false;
      const grant = () => {
        isReleased = true;
        this.#left--;
        this.#waiting.delete(grant);
        resolve();
      };
      const release = () => {
        if (!isReleased && this.#left > 0) grant();
        else if (!isReleased) this.#waiting.add(grant);
      };
      const inHand = work(release)
        .then(resolve, reject)
        .finally(() => {
          this.#inHand.delete(inHand);
          this.#waiting.delete(grant);
          if (!isReleased) {
            isReleased = true;
            return;
          }
          this.#left++;
          const [next] = this.#waiting;
          next?.();
        });
      this.#inHand.add(inHand);
    });
  }

  /** Once all have ended. */
  async settled(): Promise<void> {
    while (this.#inHand.size > 0) await Promise.allSettled(this.#inHand);
  }
}
