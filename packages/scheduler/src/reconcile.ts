import {
  type Database,
  expireLeases,
  forgetSilentWorkers,
  longQueued,
  unqueue,
  workerSilenceMs,
} from '@tessera/database';
import type { JobQueue, QueueName, TaskJob } from '@tessera/queue';
import { queueWaves } from '@tessera/spec';
import type { DispatcherLog } from './dispatcher.js';

export interface ReconcileTiming {
  intervalMs: number;
  /** A task unclaimed this long after it was queued is asked for; a busy queue answers that it has it. */
  suspiciousMs: number;
}
export const defaultTiming: ReconcileTiming = { intervalMs: 3000, suspiciousMs: 5000 };

const askedAtOnce = 1000;

/** A worker that has said nothing for so long does not come back under its name. */
const forgottenAfterMs = 100 * workerSilenceMs;

interface Context {
  db: Database;
  queue: JobQueue;
  log: DispatcherLog;
}

/** Makes the queue agree with Postgres, again and again. */
export class Reconciler {
  readonly #context: Context;
  readonly #suspiciousMs: number;
  /** Deliveries that were in hand, unclaimed, the last time. */
  #inHand: Record<QueueName, ReadonlySet<string>> = { tiles: new Set(), analyses: new Set() };

  constructor(context: Context, suspiciousMs: number) {
    this.#context = context;
    this.#suspiciousMs = suspiciousMs;
  }

  /**
   * Ends leases whose time is over, forgets workers that are gone, and makes tasks ready again that the queue has lost: a
   * flush, a crash between the update and the add, a delivery dropped on the way. A worker claims what it is handed at
   * once; one that died before it did holds the delivery for as long as the queue believes in it (BullMQ: up to 45 s), so
   * what is in hand and unclaimed twice in a row is lost too. A claim that comes after all matches nothing.
   */
  async reconcile(): Promise<{ expired: number; lost: number }> {
    const { db, log } = this.#context;
    const { expired } = await expireLeases(db);
    await forgetSilentWorkers(db, forgottenAfterMs);
    let lost = 0;
    for (const name of ['tiles', 'analyses'] as const) {
      try {
        lost += await this.#findLost(name);
      } catch (error) {
        // A queue that is away must not keep waves from ending, nor a cancelled experiment.
        log.warn({ err: error, queue: name }, 'the queue does not say what it holds');
      }
    }
    return { expired, lost };
  }

  async #findLost(name: QueueName): Promise<number> {
    const { db, queue } = this.#context;
    const suspicious = await longQueued(db, queueWaves[name], this.#suspiciousMs, askedAtOnce);
    const found = suspicious.length === 0 ? { lost: [], inHand: [] } : await queue.locate(name, suspicious);
    const before = this.#inHand[name];
    this.#inHand[name] = new Set(found.inHand.map(keyOf));
    return unqueue(db, [...found.lost, ...found.inHand.filter((job) => before.has(keyOf(job)))]);
  }
}

const keyOf = ({ task, generation }: TaskJob) => `${task}/${generation}`;
