import {
  countOutstanding,
  type Database,
  livingSlots,
  markWithoutWorker,
  takeReady,
  tilesLeft,
  unqueue,
  withReady,
  workerSilenceMs,
} from '@tessera/database';
import { diagonalTiles } from '@tessera/plan';
import type { JobQueue, QueueName } from '@tessera/queue';
import { type ExperimentState, queueWaves, type Wave } from '@tessera/spec';
import { traced } from '@tessera/telemetry';
import type { KnownPlans } from './advance.js';
import type { DispatcherLog } from './dispatcher.js';
import type { Drain } from './drain.js';
import type { Contender, Turns } from './turns.js';

/** Tasks in the queue or leased per slot of the living workers: one in hand, and enough behind it. */
const tasksPerSlot = 4;
const smallestWindow = 8;
/** And no fewer than are done in this time, two passes: where tiles take milliseconds, four a slot are gone long before the next. */
const coveredMs = 400;

type ProjectContender = Contender & { project: string };

export interface WindowContext {
  db: Database;
  queue: JobQueue;
  log: DispatcherLog;
  plans: KnownPlans;
  /** Whose turn it is, for each queue; kept from pass to pass. */
  turns: Record<QueueName, Turns>;
  /** How fast each queue drains; kept from pass to pass. */
  drains: Record<QueueName, Drain>;
  /** Tiles that a project without a limit of its own may have queued or in work; null: as many as it likes. */
  limit: number | null;
}

/**
 * Fills the queues up to a bounded window, in turns between the running experiments by their priorities, so that a small
 * one is not behind a huge one and a lost queue costs little.
 */
export async function fillWindow(
  context: WindowContext,
  open: readonly (ProjectContender & { state: ExperimentState })[],
  names: readonly QueueName[],
): Promise<void> {
  const without = names.includes('tiles') ? await markWithoutWorker(context.db) : new Set<string>();
  const running = open.filter((experiment) => experiment.state !== 'cancelling');
  const ids = new Set(running.map(({ id }) => id));
  for (const turns of Object.values(context.turns)) turns.keepOnly(ids);
  if (running.length === 0) return;
  const slots = await livingSlots(context.db, workerSilenceMs);
  const outstanding = await countOutstanding(context.db);
  for (const name of names) {
    const held = queueWaves[name].reduce((sum, wave) => sum + (outstanding.get(wave) ?? 0), 0);
    const smallest = Math.max(
      smallestWindow,
      tasksPerSlot * slots[name === 'tiles' ? 'worker' : 'aggregator'],
    );
    const served = name === 'tiles' ? running.filter(({ id }) => !without.has(id)) : running;
    await fillQueue(context, name, served, held, smallest);
  }
}

async function fillQueue(
  context: WindowContext,
  name: QueueName,
  running: readonly ProjectContender[],
  outstanding: number,
  smallest: number,
): Promise<void> {
  const { drains } = context;
  const perMs = drains[name].observe(outstanding, performance.now());
  const free = Math.max(smallest, Math.ceil(coveredMs * perMs)) - outstanding;
  const queued = free > 0 ? await fillPlaces(context, name, running, free) : 0;
  drains[name].filled(queued);
}

/** Deals free places of a queue out. @returns how many tasks it queued */
async function fillPlaces(
  context: WindowContext,
  name: QueueName,
  running: readonly ProjectContender[],
  free: number,
): Promise<number> {
  const { db, turns, limit } = context;
  const waves = queueWaves[name];
  let room = free;
  const readyFor = async (some: readonly Wave[]) => {
    const ids = running.map(({ id }) => id);
    const found = new Set(await withReady(db, ids, some));
    return running.filter(({ id }) => found.has(id));
  };
  if (name === 'analyses') {
    // What is computed is published first: a kernel has one such task, it is short, and ends what its others began.
    for (const contender of await readyFor(['finish'])) {
      if (room <= 0) break;
      const taken = await enqueue(context, name, contender, ['finish'], room);
      if (taken === null) return free - room;
      room -= taken;
    }
  }
  // What is queued counts as in work, so that no delivery is ever one too many.
  const left = name === 'tiles' ? await tilesLeft(db, waves, limit) : new Map<string, number>();
  const leftTo = (project: string) => left.get(project) ?? Number.POSITIVE_INFINITY;
  let hungry = room > 0 ? await readyFor(waves) : [];
  for (;;) {
    hungry = hungry.filter(({ project }) => leftTo(project) > 0);
    if (room <= 0 || hungry.length === 0) break;
    const shares = turns[name].deal(hungry, room);
    const stillHungry = hungry.filter(({ id }) => !shares.has(id));
    for (const contender of hungry) {
      const share = Math.min(shares.get(contender.id) ?? 0, leftTo(contender.project));
      if (share === 0) continue;
      const taken = await enqueue(context, name, contender, waves, share);
      if (taken === null) return free - room;
      if (taken === 0) continue;
      turns[name].took(contender, taken);
      room -= taken;
      left.set(contender.project, leftTo(contender.project) - taken);
      if (taken === share) stillHungry.push(contender);
    }
    hungry = stillHungry;
  }
  turns[name].settle(hungry);
  return free - room;
}

/**
 * Puts up to `most` ready tasks of an experiment into a queue.
 * @returns how many; null where the queue did not take them, and they are ready as before
 */
async function enqueue(
  { db, queue, log, plans }: WindowContext,
  name: QueueName,
  contender: ProjectContender,
  waves: readonly Wave[],
  most: number,
): Promise<number | null> {
  const plan = (await plans.get(contender.id))?.plan;
  const jobs = await takeReady(db, contender.id, waves, most, plan ? diagonalTiles(plan) : []);
  if (jobs.length === 0) return 0;
  try {
    await traced(
      'dispatch',
      { 'tessera.experiment': contender.id, 'tessera.queue': name, 'tessera.tasks': jobs.length },
      () => queue.add(name, jobs),
      contender.traceParent ?? null,
    );
    return jobs.length;
  } catch (error) {
    await unqueue(db, jobs);
    log.warn({ err: error, queue: name }, 'the queue did not take new jobs');
    return null;
  }
}
