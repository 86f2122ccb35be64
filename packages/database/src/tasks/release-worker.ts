import type { Database } from '../connection.js';

/**
 * Gives back everything a worker holds, by one statement: the end of a stop, when what still computes cannot be asked to
 * stop. Each task is pending under the next generation, so that a result that comes yet is not accepted.
 * @returns how many there were
 */
export async function releaseWorker(db: Database, workerId: string): Promise<number> {
  const { rowCount } = await db.pool.query(
    `WITH released AS (
       UPDATE tasks SET state = 'pending', generation = generation + 1, queued_at = NULL, leased_until = NULL
       WHERE state = 'leased' AND worker_id = $1 RETURNING experiment_id)
     SELECT pg_notify('tessera_work', experiment_id) FROM released`,
    [workerId],
  );
  return rowCount ?? 0;
}
