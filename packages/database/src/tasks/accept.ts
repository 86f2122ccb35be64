import type pg from 'pg';
import { type AnalysisRecord, upsertAnalyses } from '../analyses.js';
import { type Database, inTransaction } from '../connection.js';
import { type ClaimedTask, fingerprintColumn, type TaskWorker } from './claim.js';

/** A file a task left in the store. */
export interface Piece {
  key: string;
  /** crc32c of the whole file, hexadecimal. */
  checksum: string;
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

const doneColumn = { train: 'tiles_done', analysis: 'analyses_done', strip: 'strips_done' } as const;

/**
 * Accepts a task's result: fenced by generation and lease, counted, and (for an analysis) its rows written,
 * all in one transaction. Locks experiment, task, kernel in this order everywhere.
 * @returns false when the lease was lost, the experiment no longer runs, or its numbers are pinned to another
 *   fingerprint: then nothing has changed and the caller drops its work.
 */
export async function acceptTask(
  db: Database,
  task: ClaimedTask,
  worker: TaskWorker,
  result: TaskResult,
  analyses: readonly AnalysisRecord[] = [],
): Promise<boolean> {
  return fenced(db, task, worker, result, async (client) => {
    if (analyses.length > 0) await client.query(upsertAnalyses(task.experimentId, analyses, false));
    // A kernel that was sent back meanwhile is in an earlier wave: it counts this task when it comes here again.
    const { rows } = await client.query<{ finished: boolean }>(
      `UPDATE kernels SET wave_done = wave_done + 1 WHERE experiment_id = $1 AND index = $2 AND wave = $3
       RETURNING wave_done = wave_total AS finished`,
      [task.experimentId, task.kernelIndex, task.wave],
    );
    if (rows[0]?.finished) await client.query(`SELECT pg_notify('tessera_work', $1)`, [task.experimentId]);
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
  analyses: readonly AnalysisRecord[],
): Promise<boolean> {
  return fenced(db, task, worker, result, async (client) => {
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
    if (!finished) return false;
    await client.query('DELETE FROM tasks WHERE experiment_id = $1 AND kernel_index = $2', [
      task.experimentId,
      task.kernelIndex,
    ]);
    await client.query(`SELECT pg_notify('tessera_work', $1)`, [task.experimentId]);
    return true;
  });
}

/**
 * Marks the task done and the experiment's counters; `then` runs in the same transaction only if both held, and undoes
 * everything by answering false.
 */
async function fenced(
  db: Database,
  task: ClaimedTask,
  worker: TaskWorker,
  result: TaskResult,
  then: (client: pg.PoolClient) => Promise<boolean>,
): Promise<boolean> {
  const lost = Symbol('lease lost');
  try {
    await inTransaction(db, async (client) => {
      const counter =
        task.wave === 'finish'
          ? ''
          : `, ${doneColumn[task.wave]} = ${doneColumn[task.wave]} + (
        SELECT units FROM tasks WHERE id = $3)`;
      const pin = fingerprintColumn[worker.role];
      const { rowCount: running } = await client.query(
        `UPDATE experiments SET revision = revision + 1, ${pin} = COALESCE(${pin}, $2) ${counter}
         WHERE id = $1 AND state = 'running' AND (numerics = 'any' OR ${pin} IS NULL OR ${pin} = $2)
           AND EXISTS (SELECT 1 FROM tasks WHERE id = $3 AND generation = $4 AND state = 'leased' AND worker_id = $5)`,
        [task.experimentId, worker.fingerprint, task.id, task.generation, worker.id],
      );
      if (!running) throw lost;
      const { rowCount: held } = await client.query(
        `UPDATE tasks SET state = 'done', leased_until = NULL, engine = $4, device = $5, fingerprint = $6,
                milliseconds = $7, bytes = $8, pieces = $9, result = $10, last_error = NULL
         WHERE id = $1 AND generation = $2 AND state = 'leased' AND worker_id = $3`,
        [
          task.id,
          task.generation,
          worker.id,
          result.engine,
          result.device,
          worker.fingerprint,
          Math.round(result.milliseconds),
          result.bytes,
          JSON.stringify(result.pieces),
          result.result,
        ],
      );
      if (!held) throw lost;
      if (!(await then(client))) throw lost;
      await client.query(`SELECT pg_notify('tessera_experiment', $1)`, [task.experimentId]);
    });
    return true;
  } catch (error) {
    if (error === lost) return false;
    throw error;
  }
}
