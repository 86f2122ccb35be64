import type { ErrorCode } from '@tessera/spec';
import type pg from 'pg';
import { type Database, inTransaction } from '../connection.js';
import type { ClaimedTask, TaskWorker } from './claim.js';

/** A task fails for good after this many failures that its workers reported. */
export const maxAttempts = 4;
/** And after this many leases that ended without a word, each of them a death of its worker. */
export const maxExpiries = 20;

const failedColumn = {
  train: 'tiles_failed',
  analysis: 'analyses_failed',
  strip: 'strips_failed',
  training: 'trainings_failed',
  finish: null,
} as const;

/** Gives a task back unharmed (cancelled, shutting down): it is pending again under the next generation. */
export async function releaseTask(db: Database, task: ClaimedTask, worker: TaskWorker): Promise<void> {
  await db.pool.query(
    `WITH released AS (
       UPDATE tasks SET state = 'pending', generation = generation + 1, queued_at = NULL, leased_until = NULL
       WHERE id = $1 AND generation = $2 AND state = 'leased' AND worker_id = $3 RETURNING experiment_id)
     SELECT pg_notify('tessera_work', experiment_id) FROM released`,
    [task.id, task.generation, worker.id],
  );
}

/**
 * Reports a failure. The task is pending again, or failed for good after `maxAttempts`; then its kernel
 * has failed too, and the others go on.
 */
export async function failTask(
  db: Database,
  task: ClaimedTask,
  worker: TaskWorker,
  error: { code: ErrorCode; message: string },
): Promise<void> {
  await inTransaction(db, async (client) => {
    await lockExperiment(client, task.experimentId);
    const { rows } = await client.query<LostTask>(
      `UPDATE tasks SET state = CASE WHEN attempts + 1 >= $5 THEN 'failed' ELSE 'pending' END, attempts = attempts + 1,
              generation = generation + 1, queued_at = NULL, leased_until = NULL, last_error = $4
       WHERE id = $1 AND generation = $2 AND state = 'leased' AND worker_id = $3
       RETURNING state, experiment_id, kernel_index, wave, index, units, last_error`,
      [task.id, task.generation, worker.id, error.message.slice(0, 2000), maxAttempts],
    );
    await failKernels(client, rows, error.code);
    await notify(client, [task.experimentId]);
  });
}

/** Ends the leases whose time is over. @returns how many, and how many of them have failed for good. */
export async function expireLeases(db: Database): Promise<{ expired: number; failed: number }> {
  return inTransaction(db, async (client) => {
    const { rows: due } = await client.query<{ experiment_id: string }>(
      `SELECT DISTINCT experiment_id FROM tasks WHERE state = 'leased' AND leased_until < now() ORDER BY experiment_id`,
    );
    for (const { experiment_id } of due) await lockExperiment(client, experiment_id);
    const { rows } = await client.query<LostTask>(
      `UPDATE tasks SET state = CASE WHEN expiries + 1 >= $1 THEN 'failed' ELSE 'pending' END, expiries = expiries + 1,
              generation = generation + 1, queued_at = NULL, leased_until = NULL,
              last_error = 'Its worker ' || worker_id || ' stopped answering.'
       WHERE state = 'leased' AND leased_until < now() AND experiment_id = ANY($2)
       RETURNING state, experiment_id, kernel_index, wave, index, units, last_error`,
      [maxExpiries, due.map((row) => row.experiment_id)],
    );
    await failKernels(client, rows, 'worker-lost');
    await notify(client, [...new Set(rows.map((row) => row.experiment_id))]);
    return { expired: rows.length, failed: rows.filter((row) => row.state === 'failed').length };
  });
}

/** A task that has lost its lease or its bytes. */
export interface LostTask {
  state: 'pending' | 'failed';
  experiment_id: string;
  kernel_index: number;
  wave: keyof typeof failedColumn;
  index: number;
  units: number;
  last_error: string;
}

async function lockExperiment(client: pg.PoolClient, id: string): Promise<void> {
  await client.query('SELECT 1 FROM experiments WHERE id = $1 FOR NO KEY UPDATE', [id]);
}

/** The kernels of those tasks that have failed have failed too. The experiment keeps its first failure as `code: message`. */
export async function failKernels(
  client: pg.PoolClient,
  tasks: readonly LostTask[],
  code: ErrorCode,
): Promise<void> {
  for (const task of tasks) {
    if (task.state !== 'failed') continue;
    const counter = failedColumn[task.wave];
    await client.query(
      `UPDATE experiments SET error = COALESCE(error, $2) ${counter ? `, ${counter} = ${counter} + ${task.units}` : ''}
       WHERE id = $1`,
      [task.experiment_id, `${code}: ${describe(task)} failed: ${task.last_error}`],
    );
    await client.query(`UPDATE kernels SET state = 'failed' WHERE experiment_id = $1 AND index = $2`, [
      task.experiment_id,
      task.kernel_index,
    ]);
  }
}

const waveNames = {
  train: 'Tile',
  analysis: 'Analysis batch',
  strip: 'Prediction strip',
  training: 'Network',
  finish: 'Finish',
} as const;

function describe({ wave, index, kernel_index }: LostTask): string {
  return `${waveNames[wave]} ${index} of kernel ${kernel_index}`;
}

async function notify(client: pg.PoolClient, experimentIds: readonly string[]): Promise<void> {
  if (experimentIds.length === 0) return;
  await client.query('UPDATE experiments SET revision = revision + 1 WHERE id = ANY($1)', [experimentIds]);
  await client.query(
    `SELECT pg_notify('tessera_work', id), pg_notify('tessera_experiment', id) FROM unnest($1::text[]) AS id`,
    [experimentIds],
  );
}
