import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AcceptedRows,
  acceptFinish,
  acceptTask,
  announceWorker,
  type ClaimedTask,
  claimTask,
  type Database,
  extendLeases,
  failTask,
  forgetWorker,
  isDatabaseAway,
  isForOthers,
  listen,
  ProtocolMismatch,
  releaseTask,
  releaseWorker,
  type TaskResult,
  unqueue,
  type WorkerIdentity,
} from '@tessera/database';
import { NotYet } from '@tessera/experiment';
import type { JobQueue, QueueName, TaskJob } from '@tessera/queue';
import { TesseraError } from '@tessera/spec';
import { traced } from '@tessera/telemetry';
import { EarlyReleases } from './early-release.js';
import { Pace } from './pace.js';

/** What came of a task: what is written in the accepting transaction, and what is done once it is accepted. */
export interface TaskOutcome extends AcceptedRows {
  result: TaskResult;
  /** Runs after acceptance (deleting temporary pieces); a crash before it leaves work for the sweep. */
  afterwards: (() => Promise<void>) | null;
}

/** Logging with fields; pino's logger fits. */
export interface RunnerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface RunnerOptions {
  db: Database;
  databaseUrl: string;
  queue: JobQueue;
  queueName: QueueName;
  worker: WorkerIdentity;
  leaseMs: number;
  log: RunnerLog;
  /**
   * Computes a task. `signal` aborts when the lease is lost, the experiment is cancelled, or time is up. `release` says that
   * the next task may be taken: this one no longer needs what its slot stands for.
   */
  perform(task: ClaimedTask, signal: AbortSignal, release: () => void): Promise<TaskOutcome>;
  /** For the metrics: a task was accepted. */
  onAccepted?: (task: ClaimedTask, result: TaskResult) => void;
  /** For the metrics: a task failed here, and is tried again or has failed for good. */
  onFailed?: (task: ClaimedTask) => void;
  /** The database has moved on to a protocol that this worker does not speak: it must stop. */
  onRefused?: (error: ProtocolMismatch) => void;
}

export interface Runner {
  /**
   * Takes no more tasks; those in hand finish, or are given back after `graceMs`. What then does not stop computing
   * within `unstoppableMs` is given back over its head: no lease outlives this.
   */
  close(graceMs: number): Promise<void>;
}

/** Tasks that are in hand beyond the slots: being written while the next are computed. */
const mostReleased = 1;

/** A native call looks at its flag many times a second, LAPACK never. */
const unstoppableMs = 2000;

interface Held {
  task: ClaimedTask;
  abort: AbortController;
}

/**
 * Takes deliveries, claims their tasks, computes them and has them accepted. Holds the one invariant of a
 * worker: whatever it writes is under its lease's generation, and nothing counts before the fenced update.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const { db, worker, log, leaseMs } = options;
  const held = new Map<string, Held>();

  const pace = new Pace();
  const counted: RunnerOptions = {
    ...options,
    onAccepted(task, result) {
      pace.count();
      options.onAccepted?.(task, result);
    },
  };
  const heartbeat = async () => {
    await announceWorker(db, { ...worker, tasksPerSecond: pace.perSecond() });
    // Only what was held before the statement is judged by its answer.
    const asked = [...held];
    if (asked.length === 0) return;
    const leases = new Map(
      (await extendLeases(db, worker.id, leaseMs)).map((lease) => [keyOf(lease), lease]),
    );
    for (const [key, { abort, task }] of asked) {
      const lease = leases.get(key);
      // What has ended while the statement ran has no lease, and needs none.
      if (lease?.isWanted || !held.has(key)) continue;
      log.info(
        { experiment: task.experimentId, task: String(task.id) },
        lease ? 'task cancelled' : 'lease lost',
      );
      abort.abort();
    }
  };
  await announceWorker(db, worker);
  let beating: Promise<void> = Promise.resolve();
  let isBeating = false;
  const beat = setInterval(
    () => {
      // A heartbeat that takes longer than its interval is not joined by a second one.
      if (isBeating) return;
      isBeating = true;
      beating = heartbeat()
        .catch((error: unknown) => {
          log.warn({ err: error }, 'heartbeat failed');
          if (error instanceof ProtocolMismatch) options.onRefused?.(error);
        })
        .finally(() => {
          isBeating = false;
        });
    },
    Math.min(2000, leaseMs / 4),
  );

  const listener = await listen(
    options.databaseUrl,
    ['tessera_cancel'],
    (_, experimentId) => {
      for (const { task, abort } of held.values()) if (task.experimentId === experimentId) abort.abort();
    },
    { onError: (error) => log.warn({ err: error }, 'the connection that listens was lost') },
  );

  const releases = new EarlyReleases(mostReleased);
  const closing = new AbortController();
  let isTimeUp = false;
  const handle = async (job: TaskJob): Promise<void> => {
    let task: ClaimedTask | null = null;
    try {
      if (closing.signal.aborted) {
        await unqueue(db, [job]);
        return;
      }
      task = await claimTask(db, job, worker, leaseMs);
      if (!task && (await isForOthers(db, job, worker))) {
        await leaveToOthers(options, job, closing.signal);
        return;
      }
    } catch (error) {
      log.warn(
        { err: error, task: String(job.task) },
        'claim failed; the reconciler delivers the task again',
      );
    }
    if (!task) return;
    const abort = new AbortController();
    held.set(keyOf(task), { task, abort });
    // Claimed while the time of those in hand ran out.
    if (isTimeUp) abort.abort();
    const claimed = task;
    await releases.run(async (release) => {
      try {
        await traced(`${claimed.wave} task`, attributesOf(claimed), () =>
          runHeld(counted, claimed, abort.signal, release),
        );
      } finally {
        held.delete(keyOf(claimed));
      }
    });
  };
  const consumer = await options.queue.consume(options.queueName, worker.slots, handle);

  return {
    async close(graceMs) {
      closing.abort();
      const patience = setTimeout(() => {
        isTimeUp = true;
        for (const { abort } of held.values()) abort.abort();
      }, graceMs);
      const waiting = new AbortController();
      await Promise.race([
        consumer.close().then(() => releases.settled()),
        sleep(graceMs + unstoppableMs, undefined, { signal: waiting.signal }).catch(() => {}),
      ]);
      waiting.abort();
      clearTimeout(patience);
      clearInterval(beat);
      await beating;
      const unstopped = await releaseWorker(db, worker.id);
      if (unstopped > 0) log.warn({ tasks: unstopped }, 'tasks given back that do not stop computing');
      await listener.close();
      await forgetWorker(db, worker.id);
    },
  };
}

/**
 * How long a worker stays away from the queue for a task it may not compute. Drawn anew each time: two workers that each
 * took the other's tasks and rested equally long would take them again, and again.
 */
const restMs = () => 300 + 1000 * Math.random();

/**
 * Makes a task ready again that another worker must compute, and rests before the next delivery: else a worker
 * that may compute nothing would, being idle, take every delivery before those that may.
 */
async function leaveToOthers({ db, log }: RunnerOptions, job: TaskJob, signal: AbortSignal): Promise<void> {
  log.warn(
    { task: String(job.task) },
    'a tile for another worker: one of the pinned fingerprint, of an engine that has it, or a faster one that is idle',
  );
  await unqueue(db, [job]);
  await sleep(restMs(), undefined, { signal }).catch(() => {});
}

function keyOf({ id, generation }: { id: bigint; generation: number }): string {
  return `${id}/${generation}`;
}

/** What the spans of a task carry. */
const attributesOf = ({ id, generation, experimentId, kernelIndex, index }: ClaimedTask) => ({
  'tessera.experiment': experimentId,
  'tessera.kernel': kernelIndex,
  'tessera.index': index,
  'tessera.task': String(id),
  'tessera.generation': generation,
});

async function runHeld(
  options: RunnerOptions,
  task: ClaimedTask,
  signal: AbortSignal,
  release: () => void,
): Promise<void> {
  const { db, worker, log } = options;
  const fields = {
    experiment: task.experimentId,
    kernel: task.kernelIndex,
    wave: task.wave,
    index: task.index,
    task: String(task.id),
    generation: task.generation,
  };
  let outcome: TaskOutcome;
  try {
    outcome = await traced('compute', {}, () => options.perform(task, signal, release));
    // Whether it still counts (the lease held, the experiment not cancelled) is for the fenced update to say.
    const accept = task.wave === 'finish' ? acceptFinish : acceptTask;
    const { result, ...rows } = outcome;
    if (!(await traced('accept', {}, () => accept(db, task, worker, result, rows)))) {
      log.info(fields, 'result not accepted: the lease was lost or the experiment no longer runs');
      await releaseTask(db, task, worker);
      return;
    }
  } catch (error) {
    await settleFailure(options, task, signal, error, fields);
    return;
  }
  const { milliseconds, bytes } = outcome.result;
  log.info({ ...fields, milliseconds, bytes }, 'task done');
  try {
    options.onAccepted?.(task, outcome.result);
    await outcome.afterwards?.();
  } catch (error) {
    log.warn({ ...fields, err: error }, 'what follows a done task failed; the sweep deletes what is left');
  }
}

/** How long a worker rests before its next task when the store was full, or it or the database away. */
const unavailableRestMs = 2000;

async function settleFailure(
  { db, worker, log, onFailed }: RunnerOptions,
  task: ClaimedTask,
  signal: AbortSignal,
  error: unknown,
  fields: object,
): Promise<void> {
  try {
    if (signal.aborted || error instanceof NotYet) {
      await releaseTask(db, task, worker);
      log.info(fields, signal.aborted ? 'task given back' : (error as Error).message);
    } else if (isDatabaseAway(error) || (error instanceof TesseraError && error.code === 'unavailable')) {
      // That the database or the store is away or full is not the task's fault: work pauses, and nothing fails, until it is back.
      log.error({ ...fields, err: error }, 'task given back: the database or the store does not answer');
      await releaseTask(db, task, worker);
      await sleep(unavailableRestMs, undefined, { signal }).catch(() => {});
    } else {
      log.error({ ...fields, err: error }, 'task failed');
      onFailed?.(task);
      await failTask(db, task, worker, {
        code: error instanceof TesseraError ? error.code : 'internal',
        message: error instanceof Error ? error.message : String(error),
      });
    }
  } catch (reportError) {
    // The database does not answer: the lease ends by itself.
    log.warn({ ...fields, err: reportError }, 'could not report a task; its lease will end');
  }
}
