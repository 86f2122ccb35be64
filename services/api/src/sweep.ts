import { contentsInUse, type Database, experimentIds, withContents } from '@tessera/database';
import { sweepOrphans, type TileStore } from '@tessera/store';
import type { Logger } from '@tessera/telemetry';

const intervalMs = 3_600_000;

/** Deletes what no experiment owns, now and every hour; any replica may do it, twice does no harm. */
export function sweepRegularly(db: Database, store: TileStore, logger: Logger): NodeJS.Timeout {
  const sweep = () => {
    sweepOrphans(
      store,
      async () => {
        const experiments = await experimentIds(db);
        const finished = experiments.filter(({ state }) => state === 'completed');
        return {
          known: idsOf(experiments),
          finished: idsOf(finished),
          contents: await contentsInUse(db),
        };
      },
      // Not while a data set is imported or an archive restored, whose files come before their rows.
      (work) => withContents(db, 'remove', work),
    ).then(
      ({ deleted, abandonedWrites }) => {
        if (deleted.length + abandonedWrites > 0)
          logger.info({ deleted, abandonedWrites }, 'swept orphan files');
      },
      (error: unknown) => logger.warn({ err: error }, 'the sweep of orphan files failed'),
    );
  };
  sweep();
  const timer = setInterval(sweep, intervalMs);
  timer.unref();
  return timer;
}

const idsOf = (experiments: readonly { id: string }[]) => new Set(experiments.map(({ id }) => id));
