import type { Wave } from '@tessera/spec';
import type { Database } from '../connection.js';

/** A task a worker holds the lease of. */
export interface ClaimedTask {
  id: bigint;
  generation: number;
  experimentId: string;
  kernelIndex: number;
  wave: Wave;
  index: number;
}

/** Who works: its id, and the numeric fingerprint of what it computes. */
export interface TaskWorker {
  id: string;
  role: 'worker' | 'aggregator';
  fingerprint: string;
}

/** The experiment's column that pins a role's numeric fingerprint. */
export const fingerprintColumn = {
  worker: 'worker_fingerprint',
  aggregator: 'aggregator_fingerprint',
} as const;

/**
 * Takes the lease of a task, if this generation of it is still pending, its kernel is in that wave, its
 * experiment runs, and its numbers are not pinned to another fingerprint. Late and duplicate deliveries
 * get null and are dropped.
 */
export async function claimTask(
  db: Database,
  job: { task: bigint; generation: number },
  worker: TaskWorker,
  leaseMs: number,
): Promise<ClaimedTask | null> {
  const { rows } = await db.pool.query<{
    experiment_id: string;
    kernel_index: number;
    wave: Wave;
    index: number;
  }>({
    name: `claim-${worker.role}`,
    text: `UPDATE tasks t
      SET state = 'leased', worker_id = $3, leased_until = now() + $4 * interval '1 millisecond'
      FROM experiments e, kernels k
      WHERE t.id = $1 AND t.generation = $2 AND t.state = 'pending'
        AND e.id = t.experiment_id AND e.state = 'running'
        AND k.experiment_id = t.experiment_id AND k.index = t.kernel_index AND k.state = 'active' AND k.wave = t.wave
        AND (e.numerics = 'any' OR e.${fingerprintColumn[worker.role]} IS NULL OR e.${fingerprintColumn[worker.role]} = $5)
      RETURNING t.experiment_id, t.kernel_index, t.wave, t.index`,
    values: [job.task, job.generation, worker.id, leaseMs, worker.fingerprint],
  });
  const row = rows[0];
  if (!row) return null;
  return {
    id: job.task,
    generation: job.generation,
    experimentId: row.experiment_id,
    kernelIndex: row.kernel_index,
    wave: row.wave,
    index: row.index,
  };
}

/**
 * Whether a delivery that could not be claimed was refused only for its experiment's pinned fingerprint: then it must
 * go to another worker.
 */
export async function isPinnedElsewhere(
  db: Database,
  job: { task: bigint; generation: number },
  worker: TaskWorker,
): Promise<boolean> {
  const { rowCount } = await db.pool.query({
    name: `pinned-elsewhere-${worker.role}`,
    text: `SELECT 1 FROM tasks t JOIN experiments e ON e.id = t.experiment_id
      WHERE t.id = $1 AND t.generation = $2 AND t.state = 'pending' AND e.state = 'running' AND e.numerics <> 'any'
        AND e.${fingerprintColumn[worker.role]} <> $3`,
    values: [job.task, job.generation, worker.fingerprint],
  });
  return rowCount === 1;
}
