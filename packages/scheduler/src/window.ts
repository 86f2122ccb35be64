import { countOutstanding, type Database, livingWorkers, takeReady, unqueue } from '@tessera/database';
import type { JobQueue, QueueName } from '@tessera/queue';
import type { ExperimentState, Wave } from '@tessera/spec';
import type { KnownPlans } from './advance.js';
import type { DispatcherLog } from './dispatcher.js';

/** Which queue carries which wave: engines compute tiles and strips, LAPACK the rest. */
export const queueWaves = {
  tiles: ['train', 'strip'],
  analyses: ['analysis', 'finish'],
} as const satisfies Record<QueueName, readonly Wave[]>;

/** A worker silent for longer than this counts for nothing in the window. */
export const workerSilenceMs = 15_000;

/** Tasks in the queue or leased per slot of the living workers: one in hand, and enough behind it. */
const tasksPerSlot = 4;
const smallestWindow = 8;

interface Context {
  db: Database;
  queue: JobQueue;
  plans: KnownPlans;
  log: DispatcherLog;
}

/**
 * Fills the queues up to a bounded window, in turns between the running experiments, so that a small one is
 * not behind a huge one and a lost queue costs little.
 */
export async function fillWindow(
  context: Context,
  open: readonly { id: string; state: ExperimentState }[],
  names: readonly QueueName[],
): Promise<void> {
  const running = open
    .filter((experiment) => experiment.state !== 'cancelling')
    .map((experiment) => experiment.id);
  if (running.length === 0) return;
  const workers = await livingWorkers(context.db, workerSilenceMs);
  for (const name of names) {
    const role = name === 'tiles' ? 'worker' : 'aggregator';
    const slots = workers
      .filter((worker) => worker.role === role)
      .reduce((sum, worker) => sum + worker.slots, 0);
    await fillQueue(context, name, running, Math.max(smallestWindow, tasksPerSlot * slots));
  }
}

async function fillQueue(
  { db, queue, log }: Context,
  name: QueueName,
  running: string[],
  window: number,
): Promise<void> {
  const waves = queueWaves[name];
  let room = window - (await countOutstanding(db, waves));
  let hungry = running;
  while (room > 0 && hungry.length > 0) {
    const share = Math.ceil(room / hungry.length);
    const stillHungry: string[] = [];
    for (const id of hungry) {
      if (room <= 0) break;
      const jobs = await takeReady(db, id, waves, Math.min(share, room));
      if (jobs.length === 0) continue;
      try {
        await queue.add(name, jobs);
      } catch (error) {
        await unqueue(db, jobs);
        log.warn({ err: error, queue: name }, 'the queue did not take new jobs');
        return;
      }
      room -= jobs.length;
      if (jobs.length === share) stillHungry.push(id);
    }
    hungry = stillHungry;
  }
}
