import type { ExperimentState } from '@tessera/spec';
import { type Database, inTransaction } from './connection.js';

/** An experiment that ended long ago. */
export interface ExpiredExperiment {
  id: string;
  name: string;
  state: ExperimentState;
  finishedAt: Date;
}

/** What retention deletes of an experiment: all of it, or what only a retry would need. */
export type Retained = 'nothing' | 'results';

/** The states that retention looks at: a completed experiment has nothing that only a retry would need. */
const statesOf: Record<Retained, readonly ExperimentState[]> = {
  nothing: ['completed', 'failed', 'cancelled'],
  results: ['failed', 'cancelled'],
};

/** One that was restored counts from then. */
const isExpired = `GREATEST(finished_at, restored_at) < now() - $2 * interval '1 second' AND state = ANY($1)`;

/** Experiments that ended more than `seconds` ago by the database's clock, oldest first. */
export async function expiredExperiments(
  db: Database,
  seconds: number,
  retained: Retained,
): Promise<ExpiredExperiment[]> {
  const { rows } = await db.pool.query<ExpiredExperiment>(
    `SELECT id, name, state, finished_at AS "finishedAt" FROM experiments e WHERE ${isExpired}
       AND ($3 OR EXISTS (SELECT 1 FROM tasks t WHERE t.experiment_id = e.id)) ORDER BY finished_at, id`,
    [statesOf[retained], seconds, retained === 'nothing'],
  );
  return rows;
}

/**
 * Forgets an experiment, or what it had done of kernels that are not finished: a retry computes these anew. Fenced: one
 * that was retried meanwhile is left alone. The files are the caller's to delete afterwards.
 * @returns false where it is not expired any more
 */
export async function forgetExpired(
  db: Database,
  id: string,
  seconds: number,
  retained: Retained,
): Promise<boolean> {
  return inTransaction(db, async (client) => {
    const { rowCount } = await client.query(
      `SELECT 1 FROM experiments WHERE id = $3 AND ${isExpired} FOR UPDATE`,
      [statesOf[retained], seconds, id],
    );
    if (!rowCount) return false;
    if (retained === 'nothing') await client.query('DELETE FROM experiments WHERE id = $1', [id]);
    else {
      await client.query(
        `UPDATE experiments SET revision = revision + 1,
           tiles_done = tiles_done - (SELECT COALESCE(sum(units), 0) FROM tasks WHERE experiment_id = $1 AND wave = 'train' AND state = 'done'),
           analyses_done = analyses_done - (SELECT COALESCE(sum(units), 0) FROM tasks WHERE experiment_id = $1 AND wave = 'analysis' AND state = 'done'),
           strips_done = strips_done - (SELECT COALESCE(sum(units), 0) FROM tasks WHERE experiment_id = $1 AND wave = 'strip' AND state = 'done'),
           trainings_done = trainings_done - (SELECT COALESCE(sum(units), 0) FROM tasks WHERE experiment_id = $1 AND wave = 'training' AND state = 'done')
         WHERE id = $1`,
        [id],
      );
      await client.query('DELETE FROM tasks WHERE experiment_id = $1', [id]);
      await client.query('DELETE FROM analyses WHERE experiment_id = $1 AND NOT complete', [id]);
      await client.query(
        `DELETE FROM trainings t USING kernels k WHERE t.experiment_id = $1 AND k.experiment_id = $1
           AND k.index = t.kernel_index AND k.state <> 'done'`,
        [id],
      );
      await client.query(
        `UPDATE kernels SET state = 'waiting', wave = 'train', wave_total = 0, wave_done = 0
         WHERE experiment_id = $1 AND state <> 'done'`,
        [id],
      );
    }
    await client.query(`SELECT pg_notify('tessera_experiment', $1)`, [id]);
    return true;
  });
}
