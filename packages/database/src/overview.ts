import type { Database } from './connection.js';

/** How much of what there is now, for the metrics. */
export interface Overview {
  experiments: { state: string; count: number; paused: number }[];
  /** `age`: seconds since the pending one was queued that has waited longest; null where none is queued. */
  tasks: { wave: string; state: string; count: number; age: number | null }[];
}

/** Counts experiments by state and the tasks of unfinished kernels by wave and state. */
export async function readOverview(db: Database): Promise<Overview> {
  const [experiments, tasks] = await Promise.all([
    db.pool.query(
      'SELECT state, count(*)::int AS count, count(paused)::int AS paused FROM experiments GROUP BY state',
    ),
    db.pool.query(`SELECT wave, state, count(*)::int AS count,
         (CASE WHEN state = 'pending' THEN EXTRACT(epoch FROM now() - min(queued_at)) END)::float8 AS age
       FROM tasks GROUP BY wave, state`),
  ]);
  return { experiments: experiments.rows, tasks: tasks.rows };
}

/**
 * Kernels of a part of the grid that are not done. Kernels are numbered row-major over (weightVariance,
 * biasVariance); ranges are half open.
 */
export async function countOpenKernels(
  db: Database,
  experimentId: string,
  biases: number,
  weight: { start: number; stop: number },
  bias: { start: number; stop: number },
): Promise<number> {
  const { rows } = await db.pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM kernels WHERE experiment_id = $1 AND state <> 'done'
       AND index / $2 >= $3 AND index / $2 < $4 AND index % $2 >= $5 AND index % $2 < $6`,
    [experimentId, biases, weight.start, weight.stop, bias.start, bias.stop],
  );
  return rows[0]?.open ?? 0;
}
