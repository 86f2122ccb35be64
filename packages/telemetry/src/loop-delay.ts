/** Between two looks. What looks a hundred times a second, as Node's own histogram does, takes 1 to 2% of a core from each process. */
const lookMs = 500;

/** How late the event loop runs its timers. */
export interface LoopDelay {
  /** Milliseconds: the lesser of the last two looks, since one long pause is soon made good. */
  readonly lastingMs: number;
  /** The most milliseconds since this was last called. */
  takeMost(): number;
}

/** Watches the event loop for as long as the process lives, without keeping it alive. */
export function watchLoopDelay(): LoopDelay {
  let lookedAt = performance.now();
  let lastMs = 0;
  let lastingMs = 0;
  let mostMs = 0;
  const look = () => {
    const now = performance.now();
    const lateMs = Math.max(0, now - lookedAt - lookMs);
    lastingMs = Math.min(lastMs, lateMs);
    lastMs = lateMs;
    mostMs = Math.max(mostMs, lateMs);
    lookedAt = now;
  };
  setInterval(look, lookMs).unref();
  return {
    get lastingMs() {
      return lastingMs;
    },
    takeMost() {
      const most = mostMs;
      mostMs = 0;
      return most;
    },
  };
}
