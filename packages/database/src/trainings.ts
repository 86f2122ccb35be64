import type { TrainingRow } from '@tessera/spec';
import type { Database } from './connection.js';
import { rowPage } from './row-page.js';
import type { ClaimedTask } from './tasks/claim.js';

/** A trained network, and its place among those of its experiment: kernel by kernel, in the order of their tasks. */
export interface TrainingRecord extends TrainingRow {
  ordinal: number;
  kernelIndex: number;
}

export interface TrainingFilter {
  weightVariance?: number;
  biasVariance?: number;
  depth?: number;
  seed?: number;
}

/**
 * Networks that have been trained, in order: each is told as soon as it is accepted.
 * @param after the ordinal of the last row already seen, or null for the first page
 */
export async function listTrainings(
  db: Database,
  experimentId: string,
  query: TrainingFilter & { after: number | null; limit: number },
): Promise<TrainingRecord[]> {
  const { text, values } = rowPage(experimentId, query);
  const { rows } = await db.pool.query<{ ordinal: number; kernelIndex: number; row: TrainingRow }>(
    `SELECT ordinal, kernel_index AS "kernelIndex", row FROM trainings WHERE ${text}`,
    values,
  );
  return rows.map(({ row, ...place }) => ({ ...place, ...row }));
}

/** The statement that writes networks (idempotent: one that is trained again replaces its row), and its parameters. */
export function upsertTrainings(
  experimentId: string,
  records: readonly TrainingRecord[],
): { text: string; values: unknown[] } {
  const rows = records.map(({ ordinal, kernelIndex, ...row }) => ({
    ordinal,
    kernel_index: kernelIndex,
    weight_variance: row.weightVariance,
    bias_variance: row.biasVariance,
    depth: row.depth,
    seed: row.seed,
    network: row,
  }));
  return {
    text: `INSERT INTO trainings (experiment_id, ordinal, kernel_index, weight_variance, bias_variance, depth, seed, row)
      SELECT $1, ordinal, kernel_index, weight_variance, bias_variance, depth, seed, network FROM json_to_recordset($2::json) AS r(
        ordinal int, kernel_index int, weight_variance float8, bias_variance float8, depth int, seed int, network json)
      ON CONFLICT (experiment_id, ordinal) DO UPDATE SET row = EXCLUDED.row`,
    values: [experimentId, JSON.stringify(rows)],
  };
}

/** Notes the step that a training has reached, for those who watch. Fenced: a lost lease notes nothing. */
export async function noteStep(db: Database, task: ClaimedTask, step: number): Promise<void> {
  await db.pool.query({
    name: 'note-step',
    // The experiment before the task, as everything locks them.
    text: `WITH running AS (SELECT id FROM experiments WHERE id = $1 AND state = 'running' FOR NO KEY UPDATE),
      noted AS (
        UPDATE tasks t SET step = $4 FROM running WHERE t.id = $2 AND t.generation = $3 AND t.state = 'leased'
        RETURNING t.experiment_id),
      told AS (UPDATE experiments e SET revision = e.revision + 1 FROM noted WHERE e.id = noted.experiment_id RETURNING e.id)
      SELECT pg_notify('tessera_experiment', id) FROM told`,
    values: [task.experimentId, task.id, task.generation, step],
  });
}
