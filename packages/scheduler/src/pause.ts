import { type Database, pauseExperiments } from '@tessera/database';
import { bytesText } from '@tessera/plan';
import type { DispatcherLog } from './dispatcher.js';

/** The store as far as the dispatcher must know it. */
export interface Room {
  /** Bytes that can still be written; null where the storage cannot tell. */
  freeBytes(): Promise<number | null>;
  /** New work waits while fewer are free. */
  minFreeBytes: number;
}

/** Work begins again once this part more is free than the least: a store at the limit would flap. */
const resumeMargin = 0.1;
const askEveryMs = 1000;

/** Whether new work waits for room in the store. */
export interface Pause {
  /** Asks the store, at most once a second, and writes a change into the open experiments and the log. */
  update(): Promise<boolean>;
}

/**
 * Pauses new work while the store is nearly full: no kernel is started and no tile or strip enters the queue. What is
 * queued goes on, and so do analyses and finishes, which free what is temporary. Nothing fails, and it ends by itself.
 */
export function watchRoom(db: Database, room: Room | null, log: DispatcherLog): Pause {
  let isPaused = false;
  let isWritten = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  const reason =
    room === null
      ? ''
      : `The store has less than ${bytesText(room.minFreeBytes)} free (TESSERA_MIN_FREE_BYTES). New work waits until there is more.`;
  return {
    async update() {
      if (room === null || performance.now() - askedAt < askEveryMs) return isPaused;
      askedAt = performance.now();
      const free = await room.freeBytes();
      const least = room.minFreeBytes * (isPaused ? 1 + resumeMargin : 1);
      const wasPaused = isPaused;
      isPaused = free !== null && free < least;
      // While paused, experiments that came since are told too. A new leader ends what the last one began.
      if (isPaused || wasPaused || !isWritten) {
        const experiments = await pauseExperiments(db, isPaused ? reason : null);
        isWritten = true;
        if (isPaused && !wasPaused)
          log.warn({ freeBytes: free, experiments }, 'paused: the store is nearly full');
        if (!isPaused && experiments > 0)
          log.info({ freeBytes: free, experiments }, 'resumed: the store has room');
      }
      return isPaused;
    },
  };
}
