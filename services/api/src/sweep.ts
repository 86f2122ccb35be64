import { contentsInUse, type Database, experimentIds, withContents } from '@tessera/database';
import { sweepOrphans, type TileStore } from '@tessera/store';
import type { Logger } from '@tessera/telemetry';
import { otherOwner } from './store-owner.js';

const intervalMs = 3_600_000;

/**
 * Deletes what no experiment owns, now and every hour; any replica may do it, twice does no harm. Nothing where the store
 * belongs to another database.
 */
export function sweepRegularly(db: Database, store: TileStore, logger: Logger): NodeJS.Timeout {
  const sweep = () =>
    void sweepOnce(db, store, logger).catch((error: unknown) =>
      logger.warn({ err: error }, 'the sweep of orphan files failed'),
    );
  sweep();
  const timer = setInterval(sweep, intervalMs);
  timer.unref();
  return timer;
}

export async function sweepOnce(db: Database, store: TileStore, logger: Logger): Promise<void> {
  const other = await otherOwner(db, store);
  if (other !== null) {
    logger.error(
      { owner: other, store: store.place },
      'the store belongs to another database, and nothing is swept: restore that one, name another TESSERA_STORE, or delete owner.json',
    );
    return;
  }
  const { deleted, refused, abandonedWrites } = await sweepOrphans(
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
  );
  for (const { folder, error } of refused)
    logger.warn({ folder, err: error }, 'an orphan folder could not be deleted; the next sweep tries again');
  if (deleted.length + abandonedWrites > 0) logger.info({ deleted, abandonedWrites }, 'swept orphan files');
}

const idsOf = (experiments: readonly { id: string }[]) => new Set(experiments.map(({ id }) => id));
