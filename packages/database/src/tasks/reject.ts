import { type Wave, waves } from '@tessera/spec';
import { type Database, inTransaction } from '../connection.js';
import { failKernels, type LostTask, maxAttempts } from './release.js';

/** Names a task by its place in the plan. */
export interface TaskAddress {
  experimentId: string;
  kernelIndex: number;
  wave: Wave;
  index: number;
}

const doneColumn = {
  train: 'tiles_done',
  analysis: 'analyses_done',
  strip: 'strips_done',
  training: 'trainings_done',
  finish: null,
} as const;

/**
 * Sends a done task whose stored bytes were found wrong back to pending, and its kernel back to that wave:
 * it is computed again, and the later waves go on from what is already done. `generation` fences: of two
 * finders only the first has an effect. A task whose bytes are wrong again and again has failed after `maxAttempts`:
 * a disk that spoils what is written must not keep an experiment running for ever.
 */
export async function rejectPiece(
  db: Database,
  address: TaskAddress & { generation: number },
  reason: string,
): Promise<boolean> {
  return inTransaction(db, async (client) => {
    await client.query('SELECT 1 FROM experiments WHERE id = $1 FOR NO KEY UPDATE', [address.experimentId]);
    const { rows } = await client.query<LostTask>(
      `UPDATE tasks SET state = CASE WHEN attempts + 1 >= $7 THEN 'failed' ELSE 'pending' END, attempts = attempts + 1,
              generation = generation + 1, queued_at = NULL, pieces = NULL, result = NULL, last_error = $6
       WHERE experiment_id = $1 AND kernel_index = $2 AND wave = $3 AND index = $4 AND generation = $5 AND state = 'done'
       RETURNING state, experiment_id, kernel_index, wave, index, units, last_error`,
      [
        address.experimentId,
        address.kernelIndex,
        address.wave,
        address.index,
        address.generation,
        reason.slice(0, 2000),
        maxAttempts,
      ],
    );
    const task = rows[0];
    if (!task) return false;
    await client.query(
      `UPDATE kernels SET wave = $3, (wave_total, wave_done) = (
         SELECT count(*), count(*) FILTER (WHERE state = 'done') FROM tasks
         WHERE experiment_id = $1 AND kernel_index = $2 AND wave = $3)
       WHERE experiment_id = $1 AND index = $2 AND array_position($4, wave) >= array_position($4, $3)`,
      [address.experimentId, address.kernelIndex, address.wave, waves],
    );
    const counter = doneColumn[address.wave];
    await client.query(
      `UPDATE experiments SET revision = revision + 1 ${counter ? `, ${counter} = ${counter} - ${task.units}` : ''} WHERE id = $1`,
      [address.experimentId],
    );
    await failKernels(client, rows, 'corrupt-chunk');
    await client.query(`SELECT pg_notify('tessera_work', $1), pg_notify('tessera_experiment', $1)`, [
      address.experimentId,
    ]);
    return true;
  });
}

/** The done tasks of one wave of a kernel, in index order, with what they left. */
export interface DoneTask {
  index: number;
  generation: number;
  pieces: Record<string, { key: string; checksum: string }>;
  result: Buffer | null;
}

export async function doneTasks(
  db: Database,
  experimentId: string,
  kernelIndex: number,
  wave: Wave,
): Promise<DoneTask[]> {
  const { rows } = await db.pool.query<DoneTask>({
    name: 'done-tasks',
    text: `SELECT index, generation, pieces, result FROM tasks
      WHERE experiment_id = $1 AND kernel_index = $2 AND wave = $3 AND state = 'done' ORDER BY index`,
    values: [experimentId, kernelIndex, wave],
  });
  return rows;
}
