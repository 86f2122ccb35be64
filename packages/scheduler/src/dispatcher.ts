import {
  type Database,
  type Leadership,
  listen,
  openExperiments,
  type Standing,
  standForLeader,
} from '@tessera/database';
import type { JobQueue, QueueName } from '@tessera/queue';
import { advanceExperiment, type ExperimentHooks, knownPlans } from './advance.js';
import { Drain } from './drain.js';
import { type Room, watchRoom } from './pause.js';
import { defaultTiming, Reconciler, type ReconcileTiming } from './reconcile.js';
import { Turns } from './turns.js';
import { fillWindow } from './window.js';

/** Where the dispatcher tells what it does; pino's logger fits. */
export interface DispatcherLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface DispatcherOptions {
  db: Database;
  databaseUrl: string;
  queue: JobQueue;
  log: DispatcherLog;
  hooks: ExperimentHooks;
  /** Called with the leases that ended and the deliveries that were lost, for the metrics. */
  onReconciled?: (found: { expired: number; lost: number }) => void;
  /** The store, where new work is to wait while it is nearly full. */
  room?: Room;
  /** Tiles and strips that a project without a limit of its own may have queued or in work; null: as many as it likes. */
  runningTiles?: number | null;
  /** A leader that says nothing for this long gives way. */
  leaseMs?: number;
  /** How often the queue is reconciled, and from when on a delivery is asked for; tests are in a hurry. */
  timing?: ReconcileTiming;
}

export interface Dispatcher {
  isLeader(): boolean;
  close(): Promise<void>;
}

/** Between two passes that notifications asked for: a burst of them costs one pass. */
const coalesceMs = 10;
const busyIntervalMs = 200;
/**
 * Where nothing happens, what makes work, the end of a wave, wakes the dispatcher. A pass takes CPU from tiles: each leaves
 * twice the time until the next one that the last one left, no more than this, and no more than half of a queue lasts.
 */
const idleIntervalMs = 1000;
/** How long a pass prepares experiments that came. */
const preparingMs = 500;
/** Experiments that are taken further at a time: what they wait for is the database and the disk. */
const advancedAtOnce = 4;
/** A pass over many experiments fills the queues this often, so that no worker waits for its end. */
const fillingMs = 100;
const defaultLeaseMs = 30_000;

/**
 * Runs the dispatcher in this process: passes over all open experiments, woken by Postgres notifications and,
 * since those are hints only, by a timer. Of several replicas one leads. Every statement is idempotent, so a
 * pass may stop anywhere and be done again.
 */
export async function startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { db, queue, log } = options;
  const timing = options.timing ?? defaultTiming;
  const leadership: Leadership = standForLeader(options.databaseUrl, options.leaseMs ?? defaultLeaseMs);
  const plans = knownPlans(db);
  const pause = watchRoom(db, options.room ?? null, log);
  const reconciler = new Reconciler({ db, queue, log }, timing.suspiciousMs);
  const turns = { tiles: new Turns(), analyses: new Turns() };
  const drains = { tiles: new Drain(), analyses: new Drain() };
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  let dueAt = 0;
  let running: Promise<void> | null = null;
  let wokenWhileRunning = false;
  let restMs = busyIntervalMs;
  let reconciledAt = Number.NEGATIVE_INFINITY;

  /** The milliseconds until the next one. */
  const pass = async (): Promise<number> => {
    if (!(await leadership.campaign())) return idleIntervalMs;
    if (performance.now() - reconciledAt > timing.intervalMs) {
      const found = await reconciler.reconcile();
      if (found.expired > 0 || found.lost > 0) log.warn(found, 'reconciled: leases ended or deliveries lost');
      options.onReconciled?.(found);
      reconciledAt = performance.now();
    }
    const open = await openExperiments(db);
    plans.keepOnly(open.map((experiment) => experiment.id));
    const sharers = open.filter((experiment) => experiment.state !== 'cancelling').length;
    // A store that does not tell must not stop what needs no room.
    const isPaused = await pause.update().catch((error: unknown) => {
      log.warn({ err: error }, 'the store does not tell what it has free');
      return false;
    });
    let hasMore = false;
    const context = { db, plans, log, hooks: options.hooks, sharers, isPaused };
    const advanceOne = async (experiment: Standing) => {
      // One that cannot be advanced (its group cannot be written) must not keep the others waiting.
      const isUnfinished = await advanceExperiment(context, experiment).catch((error: unknown) => {
        log.error(
          { err: error, experiment: experiment.id },
          'an experiment could not be advanced; tried again',
        );
        return false;
      });
      hasMore ||= isUnfinished;
    };
    const limit = options.runningTiles ?? null;
    const queues: readonly QueueName[] = isPaused ? ['analyses'] : ['tiles', 'analyses'];
    let filledAt = performance.now();
    const fill = async () => {
      await fillWindow({ db, queue, log, plans, turns, drains, limit }, open, queues);
      filledAt = performance.now();
    };
    const advance = async (some: readonly Standing[], untilMs: number) => {
      for (let first = 0; first < some.length; first += advancedAtOnce) {
        if (first > 0 && performance.now() > untilMs) {
          hasMore = true;
          return;
        }
        await Promise.all(some.slice(first, first + advancedAtOnce).map(advanceOne));
        if (performance.now() - filledAt > fillingMs) await fill();
      }
    };
    const queued = open.filter(({ state }) => state === 'queued');
    const begun = open.filter(({ state }) => state !== 'queued');
    await advance(begun, Number.POSITIVE_INFINITY);
    // Preparing takes files and their syncs: of a thousand that came at once, some now, and the running ones meanwhile.
    await advance(queued, performance.now() + preparingMs);
    await fill();
    if (hasMore) return 0;
    if (open.length === 0) return idleIntervalMs;
    const halfMs = Math.min(...Object.values(drains).map((drain) => drain.halfMs));
    const delayMs = Math.min(restMs, timing.intervalMs, Math.max(busyIntervalMs, halfMs));
    restMs = Math.min(idleIntervalMs, 2 * restMs);
    return delayMs;
  };

  const run = () => {
    timer = null;
    wokenWhileRunning = false;
    running = pass()
      .catch((error: unknown) => {
        log.error({ err: error }, 'a pass of the dispatcher failed and is tried again');
        return busyIntervalMs;
      })
      .then((delayMs) => {
        running = null;
        if (!closed) schedule(wokenWhileRunning ? Math.min(coalesceMs, delayMs) : delayMs);
      });
  };
  const schedule = (delayMs: number) => {
    const due = performance.now() + delayMs;
    // The sooner counts: were each notification to put the pass off, a stream of them would put it off for ever.
    if (timer && dueAt <= due) return;
    if (timer) clearTimeout(timer);
    dueAt = due;
    timer = setTimeout(run, delayMs);
  };
  const wake = () => {
    restMs = busyIntervalMs;
    if (running) wokenWhileRunning = true;
    else if (!closed) schedule(coalesceMs);
  };

  const listener = await listen(options.databaseUrl, ['tessera_work'], wake, {
    onReconnect: wake,
    onError: (error) => log.warn({ err: error }, 'the connection that listens was lost'),
  });
  schedule(0);
  return {
    isLeader: () => leadership.isLeader(),
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      await running;
      await listener.close();
      await leadership.resign();
    },
  };
}
