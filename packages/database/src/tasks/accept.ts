import type pg from 'pg';
import { type AnalysisRecord, upsertAnalyses } from '../analyses.js';
import { type Database, inTransaction } from '../connection.js';
import { type TrainingRecord, upsertTrainings } from '../trainings.js';
import { type ClaimedTask, fingerprintColumn, type TaskWorker } from './claim.js';

/** A file a task left in the store. */
export interface Piece {
  key: string;
  /** crc32c of the whole file, hexadecimal. */
  checksum: string;
}

/** What a task makes visible, written in the accepting transaction. */
export interface AcceptedRows {
  analyses?: readonly AnalysisRecord[];
  trainings?: readonly TrainingRecord[];
}

/** What a worker did: its pieces by name, and the sums of a strip. */
export interface TaskResult {
  pieces: Record<string, Piece>;
  bytes: number;
  milliseconds: number;
  engine: string;
  device: string;
  /** Sums of a strip, or null. */
  result: Uint8Array | null;
}

const doneColumn = {
  train: 'tiles_done',
  analysis: 'analyses_done',
  strip: 'strips_done',
  training: 'trainings_done',
} as const;

/**
 * Accepts a task's result: fenced by generation and lease, counted, and its rows written, all or
 * nothing.
 * @returns false when the lease was lost, the experiment no longer runs, or its numbers are pinned to another
 *   fingerprint: then nothing has changed and the caller drops its work.
 */
export async function acceptTask(
  db: Database,
  task: ClaimedTask,
  worker: TaskWorker,
  result: TaskResult,
  { analyses = [], trainings = [] }: AcceptedRows = {},
): Promise<boolean> {
  if (analyses.length + trainings.length === 0) return markDone(db.pool, task, worker, result);
  return inTransaction(db, async (client) => {
    if (!(await markDone(client, task, worker, result))) return false;
    if (analyses.length > 0) await client.query(upsertAnalyses(task.experimentId, analyses, false));
    if (trainings.length > 0) await client.query(upsertTrainings(task.experimentId, trainings));
    return true;
  });
}

/**
 * Accepts a finish: the kernel is done, its rows become visible, and its task rows collapse into one summary.
 * @returns false as `acceptTask`, and when the kernel was sent back to an earlier wave meanwhile
 */
export async function acceptFinish(
  db: Database,
  task: ClaimedTask,
  worker: TaskWorker,
  result: TaskResult,
  { analyses = [] }: AcceptedRows,
): Promise<boolean> {
  const sentBack = Symbol('sent back');
  try {
    return await inTransaction(db, async (client) => {
      if (!(await markDone(client, task, worker, result))) return false;
      await client.query(upsertAnalyses(task.experimentId, analyses, true));
      const { rowCount: finished } = await client.query(
        `UPDATE kernels SET state = 'done', wave_done = wave_total, summary = (
           SELECT jsonb_object_agg(wave, summary) FROM (
             SELECT wave, jsonb_build_object('tasks', count(*), 'milliseconds', sum(milliseconds), 'bytes', sum(bytes),
               'engines', jsonb_agg(DISTINCT jsonb_build_object('engine', engine, 'device', device, 'fingerprint', fingerprint))
             ) AS summary
             FROM tasks WHERE experiment_id = $1 AND kernel_index = $2 GROUP BY wave) AS by_wave)
         WHERE experiment_id = $1 AND index = $2 AND wave = 'finish' AND state = 'active'`,
        [task.experimentId, task.kernelIndex],
      );
      if (!finished) throw sentBack;
      await client.query('DELETE FROM tasks WHERE experiment_id = $1 AND kernel_index = $2', [
        task.experimentId,
        task.kernelIndex,
      ]);
      return true;
    });
  } catch (error) {
    if (error === sentBack) return false;
    throw error;
  }
}

/**
 * Marks a task done and counts it, in its experiment and in its kernel's wave; the last one of a wave wakes the dispatcher.
 * Locks experiment, task, kernel in this order, as everything does.
 *
 * One statement, because every acceptance of an experiment waits for its row: as five in a transaction they held it for
 * five round trips, 6 ms with sixteen busy workers, which bounded an experiment at 160 tiles a second. What it reads may have
 * changed while it waited, and Postgres then looks again at the rows that it locks or updates, and at no others: so
 * each condition stands where its own row is written. The kernel's wave is one of the values, not a condition: a row that
 * did not match before the wait would be passed over.
 * @returns false where the fence held it off, and nothing has changed
 */
async function markDone(
  connection: pg.Pool | pg.PoolClient,
  task: ClaimedTask,
  worker: TaskWorker,
  result: TaskResult,
): Promise<boolean> {
  const pin = fingerprintColumn[worker.role];
  const counter = task.wave === 'finish' ? null : doneColumn[task.wave];
  const { rowCount } = await connection.query({
    name: `accept-${task.wave}-${worker.role}`,
    text: `WITH running AS (
        SELECT id FROM experiments
        WHERE id = $1 AND state = 'running' AND (numerics = 'any' OR ${pin} IS NULL OR ${pin} = $2) FOR NO KEY UPDATE),
      done AS (
        UPDATE tasks t SET state = 'done', leased_until = NULL, engine = $6, device = $7, fingerprint = $2,
          milliseconds = $8, bytes = $9, pieces = $10, result = $11, last_error = NULL
        FROM running WHERE t.id = $3 AND t.generation = $4 AND t.state = 'leased' AND t.worker_id = $5
        RETURNING t.experiment_id, t.kernel_index, t.wave, t.units),
      counted AS (
        UPDATE experiments e SET revision = e.revision + 1, ${pin} = COALESCE(e.${pin}, $2)
          ${counter ? `, ${counter} = e.${counter} + done.units` : ''}
        FROM done WHERE e.id = done.experiment_id),
      advanced AS (
        -- A kernel that was sent back meanwhile is in an earlier wave: it counts this task when it comes here again.
        UPDATE kernels k SET wave_done = k.wave_done + (k.wave = done.wave)::int
        FROM done WHERE k.experiment_id = done.experiment_id AND k.index = done.kernel_index
        RETURNING k.wave = done.wave AND k.wave_done = k.wave_total AS complete)
      SELECT pg_notify('tessera_experiment', $1), CASE WHEN complete THEN pg_notify('tessera_work', $1) END FROM advanced`,
    values: [
      task.experimentId,
      worker.fingerprint,
      task.id,
      task.generation,
      worker.id,
      result.engine,
      result.device,
      Math.round(result.milliseconds),
      result.bytes,
      JSON.stringify(result.pieces),
      result.result,
    ],
  });
  return rowCount === 1;
}
