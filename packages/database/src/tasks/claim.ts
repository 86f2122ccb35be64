import type { Wave } from '@tessera/spec';
import type { Database } from '../connection.js';
import { mayCompute } from './eligible.js';

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
 * experiment runs, its numbers are not pinned to another fingerprint, and the worker's engine may compute it. Late and
 * duplicate deliveries get null and are dropped.
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
      SET state = 'leased', worker_id = $3, step = NULL, leased_until = now() + $4 * interval '1 millisecond'
      FROM experiments e, kernels k
      WHERE t.id = $1 AND t.generation = $2 AND t.state = 'pending'
        AND e.id = t.experiment_id AND e.state = 'running'
        AND k.experiment_id = t.experiment_id AND k.index = t.kernel_index AND k.state = 'active' AND k.wave = t.wave
        AND (e.numerics = 'any' OR e.${fingerprintColumn[worker.role]} IS NULL OR e.${fingerprintColumn[worker.role]} = $5)
        ${worker.role === 'worker' ? `AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = $3 AND NOT (${mayCompute}))` : ''}
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
 * Whether a delivery that could not be claimed was refused only because this worker's engine may not compute it, or its
 * experiment is pinned to another fingerprint, or a faster worker stands idle: then it must go to another worker.
 */
export async function isForOthers(
  db: Database,
  job: { task: bigint; generation: number },
  worker: TaskWorker,
): Promise<boolean> {
  const { rowCount } = await db.pool.query({
    name: `for-others-${worker.role}`,
    text: `SELECT 1 FROM tasks t JOIN experiments e ON e.id = t.experiment_id
      WHERE t.id = $1 AND t.generation = $2 AND t.state = 'pending' AND e.state = 'running'
        AND ((e.numerics <> 'any' AND e.${fingerprintColumn[worker.role]} <> $3)
          OR ${worker.role === 'worker' ? `EXISTS (SELECT 1 FROM workers w WHERE w.id = $4 AND NOT (${mayCompute}))` : '$4::text IS NULL'})`,
    values: [job.task, job.generation, worker.fingerprint, worker.id],
  });
  return rowCount === 1;
}
