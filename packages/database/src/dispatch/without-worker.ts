import type pg from 'pg';
import { type Database, inTransaction } from '../connection.js';
import { hasNoWorker } from '../tasks/eligible.js';

/** How the reason begins: what the dispatcher wrote, it takes back. */
const beginning = 'No living worker computes';

/**
 * Finds the running experiments that none of the living workers can compute, and says so in them; takes it back where one can.
 * @returns their ids: nothing of theirs is queued
 */
export async function markWithoutWorker(db: Database): Promise<Set<string>> {
  const { rows } = await db.pool.query<{ id: string; lacks: boolean }>({
    name: 'without-worker',
    text: `SELECT e.id, (${hasNoWorker}) AS lacks FROM experiments e
      WHERE e.state = 'running' AND ((${hasNoWorker}) OR e.paused LIKE $1 || '%') ORDER BY e.id`,
    values: [beginning],
  });
  const lacking = rows.filter(({ lacks }) => lacks).map(({ id }) => id);
  if (rows.length > 0) {
    const ids = rows.map(({ id }) => id);
    await inTransaction(db, (client) => writeReasons(client, ids, lacking));
  }
  return new Set(lacking);
}

/** Of `ids`, those that are `lacking` say so, and the others no longer. */
async function writeReasons(
  client: pg.PoolClient,
  ids: readonly string[],
  lacking: readonly string[],
): Promise<void> {
  const { rows: changed } = await client.query<{ id: string }>(
    `UPDATE experiments e SET revision = revision + 1, paused = CASE WHEN id = ANY($2) THEN
         $3 || ' ' || COALESCE(needs, 'this') || CASE WHEN numerics IN ('any', 'pinned') THEN '' ELSE ' by ' || numerics END ||
         '. It waits for one that does (TESSERA_ENGINE).' END
     WHERE id = ANY($1) AND (paused IS NULL) = (id = ANY($2)) RETURNING id`,
    [ids, lacking, beginning],
  );
  await client.query(`SELECT pg_notify('tessera_experiment', id) FROM unnest($1::text[]) AS id`, [
    changed.map(({ id }) => id),
  ]);
}
