import type { Database } from '@tessera/database';
import { openExperiment } from '@tessera/experiment';
import type { JobQueue } from '@tessera/queue';
import {
  type Dispatcher,
  type DispatcherLog,
  type DispatcherOptions,
  startDispatcher,
} from '@tessera/scheduler';
import { createExperimentGroup, deleteTemporary, markComplete, type TileStore } from '@tessera/store';

/** Runs the dispatcher in the API's process: of several replicas one leads. No native code runs here. */
export function dispatch(options: {
  db: Database;
  databaseUrl: string;
  queue: JobQueue;
  store: TileStore;
  log: DispatcherLog;
  /** New work waits while the store has less free. */
  minFreeBytes: number;
  leaseMs: number;
  /** Of projects without a limit of their own. */
  runningTiles: number | null;
  onReconciled?: DispatcherOptions['onReconciled'];
}): Promise<Dispatcher> {
  const { store, log } = options;
  return startDispatcher({
    db: options.db,
    databaseUrl: options.databaseUrl,
    queue: options.queue,
    log,
    room: { freeBytes: () => store.freeBytes(), minFreeBytes: options.minFreeBytes },
    leaseMs: options.leaseMs,
    runningTiles: options.runningTiles,
    ...(options.onReconciled && { onReconciled: options.onReconciled }),
    hooks: {
      prepare: async (experiment) =>
        createExperimentGroup(store, (await openExperiment(store, experiment)).layout),
      complete: async ({ id }) => {
        await markComplete(store, id);
        // What finished kernels have left behind: an empty folder, or pieces whose aggregator died before it deleted them.
        await deleteTemporary(store, id).catch((error: unknown) =>
          log.warn(
            { experiment: id, err: error },
            'temporary files could not be deleted; the sweep deletes them',
          ),
        );
      },
    },
  });
}
