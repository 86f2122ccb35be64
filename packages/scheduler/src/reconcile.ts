import { type Database, expireLeases, longQueued, unqueue } from '@tessera/database';
import type { JobQueue } from '@tessera/queue';
import type { DispatcherLog } from './dispatcher.js';
import { queueWaves } from './window.js';

export interface ReconcileTiming {
  intervalMs: number;
  /** A task unclaimed this long after it was queued is asked for; a busy queue answers that it has it. */
  suspiciousMs: number;
}
export const defaultTiming: ReconcileTiming = { intervalMs: 3000, suspiciousMs: 5000 };

const askedAtOnce = 1000;

/**
 * Makes the queue agree with Postgres: ends leases whose time is over, and makes tasks ready again that the
 * queue has lost (a flush, a crash between the update and the add, a delivery dropped on the way).
 */
export async function reconcile(
  db: Database,
  queue: JobQueue,
  suspiciousMs: number,
  log: DispatcherLog,
): Promise<{ expired: number; lost: number }> {
  const { expired } = await expireLeases(db);
  let lost = 0;
  for (const name of ['tiles', 'analyses'] as const) {
    const suspicious = await longQueued(db, queueWaves[name], suspiciousMs, askedAtOnce);
    if (suspicious.length === 0) continue;
    try {
      lost += await unqueue(db, await queue.missing(name, suspicious));
    } catch (error) {
      // A queue that is away must not keep waves from ending, nor a cancelled experiment.
      log.warn({ err: error, queue: name }, 'the queue does not say what it holds');
    }
  }
  return { expired, lost };
}
