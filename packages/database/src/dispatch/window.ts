import type { Wave } from '@tessera/spec';
import type { Database } from '../connection.js';

/** A delivery: which generation of which task. */
export interface TaskJob {
  task: bigint;
  generation: number;
}

/**
 * How many tasks of each wave are queued or leased, over all experiments: the filled part of the window; waves that have none
 * are left out. What is queued but not wanted any more (a cancelled experiment's, a failed kernel's) takes no room: workers
 * drop it.
 */
export async function countOutstanding(db: Database): Promise<Map<Wave, number>> {
  const { rows } = await db.pool.query<{ wave: Wave; n: number }>({
    name: 'count-outstanding',
    text: `SELECT wave, count(*)::int AS n FROM (
        SELECT t.wave FROM tasks t
        JOIN kernels k ON k.experiment_id = t.experiment_id AND k.index = t.kernel_index
        JOIN experiments e ON e.id = t.experiment_id
        WHERE t.state = 'pending' AND t.queued_at IS NOT NULL
          AND e.state = 'running' AND k.state = 'active' AND k.wave = t.wave
        UNION ALL SELECT wave FROM tasks WHERE state = 'leased') AS outstanding GROUP BY wave`,
  });
  return new Map(rows.map(({ wave, n }) => [wave, n]));
}

/**
 * How many more tasks of these waves each project that has a limit may have queued or leased.
 * @param limit that of projects which have none of their own; null: as many as they like
 */
export async function tilesLeft(
  db: Database,
  waves: readonly Wave[],
  limit: number | null,
): Promise<Map<string, number>> {
  const { rows } = await db.pool.query<{ name: string; left: number }>({
    name: 'tiles-left',
    text: `SELECT p.name, COALESCE(p.max_running_tiles, $2::int) - (
        SELECT count(*) FROM tasks t JOIN experiments e ON e.id = t.experiment_id
        WHERE e.project = p.name AND t.wave = ANY($1)
          AND (t.state = 'leased' OR (t.state = 'pending' AND t.queued_at IS NOT NULL AND e.state = 'running')))::int AS left
      FROM projects p WHERE COALESCE(p.max_running_tiles, $2::int) IS NOT NULL`,
    values: [waves, limit],
  });
  return new Map(rows.map(({ name, left }) => [name, left]));
}

/** How many tasks of an experiment could be queued now, counted up to `limit`. */
export async function countReady(
  db: Database,
  experimentId: string,
  waves: readonly Wave[],
  limit: number,
): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>({
    name: 'count-ready',
    text: `SELECT count(*)::int AS n FROM (
        SELECT 1 FROM tasks t JOIN kernels k ON k.experiment_id = t.experiment_id AND k.index = t.kernel_index
        WHERE t.experiment_id = $1 AND t.state = 'pending' AND t.queued_at IS NULL AND t.wave = ANY($2)
          AND k.state = 'active' AND k.wave = t.wave LIMIT $3) AS ready`,
    values: [experimentId, waves, limit],
  });
  return rows[0]?.n ?? 0;
}

/** Those of these experiments that have tasks which could be queued now. */
export async function withReady(
  db: Database,
  experimentIds: readonly string[],
  waves: readonly Wave[],
): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>({
    name: 'with-ready',
    text: `SELECT wanted.id FROM unnest($1::text[]) AS wanted(id) WHERE EXISTS (
        SELECT 1 FROM tasks t JOIN kernels k ON k.experiment_id = t.experiment_id AND k.index = t.kernel_index
        WHERE t.experiment_id = wanted.id AND t.state = 'pending' AND t.queued_at IS NULL AND t.wave = ANY($2)
          AND k.state = 'active' AND k.wave = t.wave)`,
    values: [experimentIds, waves],
  });
  return rows.map(({ id }) => id);
}

/** Ready tasks among which those that are to be last can wait. */
const orderedAtOnce = 256;

/**
 * Marks the next ready tasks of an experiment as queued, oldest kernel first, and gives their deliveries.
 * @param last train tiles that are queued after the others of their kernel, as far as these are among the next few hundred:
 *   where the small ones come last, the end of a wave keeps fewer workers waiting
 */
export async function takeReady(
  db: Database,
  experimentId: string,
  waves: readonly Wave[],
  limit: number,
  last: readonly number[] = [],
): Promise<TaskJob[]> {
  const { rows } = await db.pool.query<{ id: string; generation: number }>({
    name: 'take-ready',
    text: `WITH ready AS (
        SELECT t.id FROM tasks t JOIN kernels k ON k.experiment_id = t.experiment_id AND k.index = t.kernel_index
        JOIN experiments e ON e.id = t.experiment_id
        WHERE t.experiment_id = $1 AND e.state = 'running' AND t.state = 'pending' AND t.queued_at IS NULL
          AND t.wave = ANY($2) AND k.state = 'active' AND k.wave = t.wave
        ORDER BY t.kernel_index, t.index LIMIT greatest($3::int, $5::int)),
      next AS (
        SELECT t.id, row_number() OVER () AS place FROM (
          SELECT t.id FROM tasks t JOIN ready USING (id) WHERE t.state = 'pending' AND t.queued_at IS NULL
          ORDER BY t.kernel_index, t.wave = 'train' AND t.index = ANY($4::int[]), t.index LIMIT $3 FOR UPDATE OF t SKIP LOCKED) AS t),
      taken AS (
        UPDATE tasks t SET queued_at = now() FROM next WHERE t.id = next.id RETURNING t.id, t.generation, next.place)
      SELECT id, generation FROM taken ORDER BY place`,
    values: [experimentId, waves, limit, last, orderedAtOnce],
  });
  return rows.map((row) => ({ task: BigInt(row.id), generation: row.generation }));
}

/** Tasks that were queued longer than `olderThanMs` ago and have not been claimed: the reconciler asks the queue. */
export async function longQueued(
  db: Database,
  waves: readonly Wave[],
  olderThanMs: number,
  limit: number,
): Promise<TaskJob[]> {
  const { rows } = await db.pool.query<{ id: string; generation: number }>({
    name: 'long-queued',
    text: `SELECT id, generation FROM tasks
      WHERE state = 'pending' AND queued_at < now() - $2 * interval '1 millisecond' AND wave = ANY($1)
      ORDER BY queued_at LIMIT $3`,
    values: [waves, olderThanMs, limit],
  });
  return rows.map((row) => ({ task: BigInt(row.id), generation: row.generation }));
}

/**
 * Makes tasks the queue has lost ready again, under a new generation so that the queue takes them as new. Passes over
 * rows that somebody works on at this moment.
 */
export async function unqueue(db: Database, jobs: readonly TaskJob[]): Promise<number> {
  if (jobs.length === 0) return 0;
  const { rowCount } = await db.pool.query(
    `WITH lost AS (
       SELECT t.id FROM tasks t JOIN unnest($1::bigint[], $2::int[]) AS job(id, generation) USING (id)
       WHERE t.generation = job.generation AND t.state = 'pending' AND t.queued_at IS NOT NULL
       FOR UPDATE OF t SKIP LOCKED)
     UPDATE tasks t SET queued_at = NULL, generation = t.generation + 1 FROM lost WHERE t.id = lost.id`,
    [jobs.map((job) => job.task), jobs.map((job) => job.generation)],
  );
  return rowCount ?? 0;
}
