import {
  countOutstanding,
  type Database,
  livingWorkers,
  markWithoutWorker,
  takeReady,
  tilesLeft,
  unqueue,
  withReady,
  workerSilenceMs,
} from '@tessera/database';
import type { JobQueue, QueueName } from '@tessera/queue';
import type { ExperimentState, Wave } from '@tessera/spec';
import { traced } from '@tessera/telemetry';
import type { DispatcherLog } from './dispatcher.js';
import type { Contender, Turns } from './turns.js';

/** Which queue carries which wave: engines compute tiles and strips, LAPACK the rest. */
export const queueWaves = {
  tiles: ['train', 'strip'],
  analyses: ['analysis', 'finish'],
} as const satisfies Record<QueueName, readonly Wave[]>;

export { workerSilenceMs };

/** Tasks in the queue or leased per slot of the living workers: one in hand, and enough behind it. */
const tasksPerSlot = 4;
const smallestWindow = 8;

type ProjectContender = Contender & { project: string };

export interface WindowContext {
  db: Database;
  queue: JobQueue;
  log: DispatcherLog;
  /** Whose turn it is, for each queue; kept from pass to pass. */
  turns: Record<QueueName, Turns>;
  /** Tiles that a project without a limit of its own may have queued or in work; null: as many as it likes. */
  limit: number | null;
}

/**
 * Fills the queues up to a bounded window, in turns between the running experiments by their priorities, so that a small
 * one is not behind a huge one and a lost queue costs little.
 * @returns how many tasks it queued
 */
export async function fillWindow(
  context: WindowContext,
  open: readonly (ProjectContender & { state: ExperimentState })[],
  names: readonly QueueName[],
): Promise<number> {
  const without = names.includes('tiles') ? await markWithoutWorker(context.db) : new Set<string>();
  const running = open.filter((experiment) => experiment.state !== 'cancelling');
  const ids = new Set(running.map(({ id }) => id));
  for (const turns of Object.values(context.turns)) turns.keepOnly(ids);
  if (running.length === 0) return 0;
  const workers = await livingWorkers(context.db, workerSilenceMs);
  let queued = 0;
  for (const name of names) {
    const role = name === 'tiles' ? 'worker' : 'aggregator';
    const slots = workers
      .filter((worker) => worker.role === role)
      .reduce((sum, worker) => sum + worker.slots, 0);
    const served = name === 'tiles' ? running.filter(({ id }) => !without.has(id)) : running;
    queued += await fillQueue(context, name, served, Math.max(smallestWindow, tasksPerSlot * slots));
  }
  return queued;
}

async function fillQueue(
  { db, queue, log, turns, limit }: WindowContext,
  name: QueueName,
  running: readonly ProjectContender[],
  window: number,
): Promise<number> {
  const waves = queueWaves[name];
  const free = window - (await countOutstanding(db, waves));
  if (free <= 0) return 0;
  let room = free;
  const ready = new Set(
    await withReady(
      db,
      running.map(({ id }) => id),
      waves,
    ),
  );
  // What is queued counts as in work, so that no delivery is ever one too many.
  const left = name === 'tiles' ? await tilesLeft(db, waves, limit) : new Map<string, number>();
  const leftTo = (project: string) => left.get(project) ?? Number.POSITIVE_INFINITY;
  let hungry = running.filter(({ id }) => ready.has(id));
  for (;;) {
    hungry = hungry.filter(({ project }) => leftTo(project) > 0);
    if (room <= 0 || hungry.length === 0) break;
    const shares = turns[name].deal(hungry, room);
    const stillHungry = hungry.filter(({ id }) => !shares.has(id));
    for (const contender of hungry) {
      const share = Math.min(shares.get(contender.id) ?? 0, leftTo(contender.project));
      if (share === 0) continue;
      const jobs = await takeReady(db, contender.id, waves, share);
      if (jobs.length === 0) continue;
      try {
        await traced(
          'dispatch',
          { 'tessera.experiment': contender.id, 'tessera.queue': name, 'tessera.tasks': jobs.length },
          () => queue.add(name, jobs),
          contender.traceParent ?? null,
        );
      } catch (error) {
        await unqueue(db, jobs);
        log.warn({ err: error, queue: name }, 'the queue did not take new jobs');
        return free - room;
      }
      turns[name].took(contender, jobs.length);
      room -= jobs.length;
      left.set(contender.project, leftTo(contender.project) - jobs.length);
      if (jobs.length === share) stillHungry.push(contender);
    }
    hungry = stillHungry;
  }
  turns[name].settle(hungry);
  return free - room;
}
