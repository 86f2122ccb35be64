import { type Database, inTransaction } from '../connection.js';

/**
 * Says why new work of the open experiments waits, or (null) that it does not any more. Locks experiments in the order of
 * their ids, as the end of leases does.
 * @returns how many experiments that changed
 */
export async function pauseExperiments(db: Database, reason: string | null): Promise<number> {
  return inTransaction(db, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM experiments WHERE paused IS DISTINCT FROM $1 AND ($1::text IS NULL OR state IN ('queued', 'running'))
       ORDER BY id FOR NO KEY UPDATE`,
      [reason],
    );
    if (rows.length === 0) return 0;
    const ids = rows.map(({ id }) => id);
    await client.query(`UPDATE experiments SET paused = $1, revision = revision + 1 WHERE id = ANY($2)`, [
      reason,
      ids,
    ]);
    await client.query(`SELECT pg_notify('tessera_experiment', id) FROM unnest($1::text[]) AS id`, [ids]);
    return rows.length;
  });
}

/**
 * Bytes that the open experiments are still to write: of what each keeps the part whose kernels are not done, and the
 * temporary bytes of the kernels in flight, for which they take turns within `temporaryAim`.
 */
export async function promisedBytes(db: Database, temporaryAim: number): Promise<number> {
  const { rows } = await db.pool.query<{ promised: number }>(
    `SELECT COALESCE(sum(kept * (1 - done / GREATEST(kernels, 1))), 0)
          + LEAST(COALESCE(sum(temporary), 0), GREATEST($1::float8, COALESCE(sum(one), 0))) AS promised
     FROM (SELECT COALESCE((plan #>> '{bytes,kept}')::float8, 0) AS kept,
                  COALESCE((plan #>> '{bytes,temporary}')::float8, 0) AS temporary,
                  COALESCE((plan #>> '{bytes,temporaryPerKernel}')::float8, 0) AS one,
                  COALESCE((plan #>> '{kernels}')::float8, 1) AS kernels,
                  (SELECT count(*) FROM kernels k WHERE k.experiment_id = e.id AND k.state = 'done')::float8 AS done
           FROM experiments e WHERE state IN ('queued', 'running')) AS open`,
    [temporaryAim],
  );
  return Math.ceil(rows[0]?.promised ?? 0);
}
