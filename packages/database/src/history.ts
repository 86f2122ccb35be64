/** What has happened to an experiment: its log, how fast it went, and what went wrong. Read by people alone. */
import type { Wave } from '@tessera/spec';
import type { Database } from './connection.js';

/** One line of an experiment's log. */
export interface ExperimentLogEntry {
  id: number;
  at: Date;
  /** A state of the experiment, `kernel-` and a state, `task-again` or `task-failed`. */
  kind: string;
  kernel: number | null;
  wave: Wave | null;
  task: number | null;
  worker: string | null;
  message: string | null;
}

/**
 * The newest entries first. Written by triggers (migration history); the last 2,000 or so of an experiment are kept.
 * @param of one tile's entries alone
 */
export async function readExperimentLog(
  db: Database,
  experimentId: string,
  options: { limit: number; of?: { kernel: number; tile: number } },
): Promise<ExperimentLogEntry[]> {
  const { rows } = await db.pool.query<ExperimentLogEntry>(
    `SELECT id::float8 AS id, at, kind, kernel_index AS kernel, wave, task_index AS task, worker_id AS worker, message
     FROM experiment_events
     WHERE experiment_id = $1
       AND ($3::int IS NULL OR kernel_index = $3 AND (wave IS NULL OR wave = 'train' AND task_index = $4))
     ORDER BY experiment_events.id DESC LIMIT $2`,
    [experimentId, options.limit, options.of?.kernel ?? null, options.of?.tile ?? null],
  );
  return rows;
}

/** How many units of each kind were done at a moment. */
export interface ProgressSample {
  at: Date;
  tiles: number;
  analyses: number;
  strips: number;
  trainings: number;
}

export async function readProgressSamples(db: Database, experimentId: string): Promise<ProgressSample[]> {
  const { rows } = await db.pool.query<ProgressSample>(
    'SELECT at, tiles, analyses, strips, trainings FROM progress_samples WHERE experiment_id = $1 ORDER BY at',
    [experimentId],
  );
  return rows;
}

/** Samples an experiment keeps at most: beyond, every second one goes, and they grow sparser as they grow older. */
const samplesKept = 600;

/** Notes how far the running experiments are, unless somebody has within `everyMs`. */
export async function sampleProgress(db: Database, everyMs: number): Promise<void> {
  await db.pool.query(
    `INSERT INTO progress_samples (experiment_id, at, tiles, analyses, strips, trainings)
     SELECT id, now(), tiles_done, analyses_done, strips_done, trainings_done FROM experiments e
     WHERE (state = 'running' OR finished_at > now() - 3 * $1 * interval '1 millisecond')
       AND NOT EXISTS (
         SELECT 1 FROM progress_samples s
         WHERE s.experiment_id = e.id AND s.at > now() - $1 * interval '1 millisecond')
     ON CONFLICT DO NOTHING`,
    [everyMs],
  );
  await db.pool.query(
    `DELETE FROM progress_samples WHERE (experiment_id, at) IN (
       SELECT experiment_id, at FROM (
         SELECT experiment_id, at, count(*) OVER (PARTITION BY experiment_id) AS kept,
                row_number() OVER (PARTITION BY experiment_id ORDER BY at) AS number
         FROM progress_samples WHERE experiment_id IN (SELECT id FROM experiments WHERE state = 'running')) AS numbered
       WHERE kept > $1 AND number % 2 = 0)`,
    [samplesKept],
  );
}

/** Tasks that failed, or were tried again, for one cause. */
export interface FailureGroup {
  /** The message without its numbers. */
  cause: string;
  /** The message of one of them. */
  example: string;
  wave: Wave;
  /** Given up, and to be tried or tried again by themselves. */
  failed: number;
  retrying: number;
  workers: string[];
  /** The first few, by number. */
  places: { kernel: number; task: number }[];
}

/** What went wrong with tasks that are not done, grouped by cause; the largest group first. */
export async function readFailureGroups(db: Database, experimentId: string): Promise<FailureGroup[]> {
  const { rows } = await db.pool.query<FailureGroup>(
    `SELECT cause, wave, min(last_error) AS example,
            count(*) FILTER (WHERE state = 'failed')::int AS failed,
            count(*) FILTER (WHERE state <> 'failed')::int AS retrying,
            COALESCE(array_agg(DISTINCT worker_id) FILTER (WHERE worker_id IS NOT NULL), '{}') AS workers,
            (array_agg(jsonb_build_object('kernel', kernel_index, 'task', index) ORDER BY kernel_index, index))[1:20] AS places
     FROM (SELECT *, regexp_replace(last_error, '[0-9a-f]{6,}|[0-9]+([.,][0-9]+)*', '#', 'g') AS cause
           FROM tasks WHERE experiment_id = $1 AND state <> 'done' AND last_error IS NOT NULL) AS faulty
     GROUP BY cause, wave ORDER BY failed DESC, retrying DESC, cause LIMIT 50`,
    [experimentId],
  );
  return rows;
}
