import { setImmediate } from 'node:timers/promises';
import { TesseraError } from '@tessera/spec';

/** How long the engine holds the event loop: leases must be renewed and cancels heard meanwhile. */
const sliceMs = 30;

/** Lets the event loop run now and then; throws when the tile was cancelled. */
export type Pause = () => Promise<void>;

export function pauseFor(signal: AbortSignal | undefined): Pause {
  let sliceEnds = performance.now() + sliceMs;
  return async () => {
    if (performance.now() >= sliceEnds) {
      await setImmediate();
      sliceEnds = performance.now() + sliceMs;
    }
    if (signal?.aborted) throw new TesseraError('cancelled', 'The tile was cancelled.');
  };
}
