import type { Wave } from '@tessera/spec';
import { waves } from '@tessera/spec';
import { type Database, inTransaction } from '../connection.js';

/** How many tasks each wave of a kernel has, and how many analyses one analysis task stands for. */
export interface WaveSizes {
  tasks: Record<Wave, number>;
  analysesPerKernel: number;
  analysisBatch: number;
}

/** How far an experiment's kernels are. */
export interface KernelCounts {
  waiting: number;
  active: number;
  done: number;
  failed: number;
}

export async function countKernels(db: Database, experimentId: string): Promise<KernelCounts> {
  const { rows } = await db.pool.query<KernelCounts>({
    name: 'count-kernels',
    text: `SELECT count(*) FILTER (WHERE state = 'waiting')::int AS waiting, count(*) FILTER (WHERE state = 'active')::int AS active,
             count(*) FILTER (WHERE state = 'done')::int AS done, count(*) FILTER (WHERE state = 'failed')::int AS failed
      FROM kernels WHERE experiment_id = $1`,
    values: [experimentId],
  });
  return rows[0] ?? { waiting: 0, active: 0, done: 0, failed: 0 };
}

/**
 * Rows that one statement makes of a kernel's tiles. A million in one would hold the experiment's row, and with it every
 * acceptance and the dispatcher's pass, for half a minute.
 */
export const rowsAtOnce = 20_000;

/**
 * Starts the next `count` waiting kernels: their train tiles become rows, of each the first `rowsAtOnce`.
 * @returns how many it started.
 */
export async function startKernels(
  db: Database,
  experimentId: string,
  count: number,
  tiles: number,
): Promise<number> {
  const { rows } = await db.pool.query<{ started: number }>({
    name: 'start-kernels',
    text: `WITH running AS (SELECT id FROM experiments WHERE id = $1 AND state = 'running' FOR NO KEY UPDATE),
      next AS (
        SELECT index FROM kernels WHERE experiment_id = $1 AND state = 'waiting' ORDER BY index LIMIT $2
        FOR UPDATE SKIP LOCKED),
      started AS (
        UPDATE kernels k SET state = 'active', wave = 'train', wave_total = $3, wave_done = 0
        FROM next, running WHERE k.experiment_id = running.id AND k.index = next.index RETURNING k.index),
      made AS (
        INSERT INTO tasks (experiment_id, kernel_index, wave, index)
        SELECT $1, started.index, 'train', i FROM started, generate_series(0, LEAST($3::int, $4::int) - 1) AS i
        ON CONFLICT DO NOTHING)
      SELECT count(*)::int AS started FROM started`,
    values: [experimentId, count, tiles, rowsAtOnce],
  });
  return rows[0]?.started ?? 0;
}

/**
 * Makes the next `rowsAtOnce` rows of the first kernel that has not all its train tiles yet.
 * @returns how many rows it made: 0 when every active kernel has all of them
 */
export async function makeMoreTiles(db: Database, experimentId: string, tiles: number): Promise<number> {
  const { rows } = await db.pool.query<{ next: number; made: number }>({
    name: 'make-more-tiles',
    text: `WITH running AS (SELECT id FROM experiments WHERE id = $1 AND state = 'running' FOR NO KEY UPDATE),
      short AS (
        SELECT k.index, COALESCE(last.index + 1, 0) AS next FROM running
        JOIN kernels k ON k.experiment_id = running.id AND k.state = 'active' AND k.wave = 'train'
        LEFT JOIN LATERAL (
          SELECT t.index FROM tasks t WHERE t.experiment_id = $1 AND t.kernel_index = k.index AND t.wave = 'train'
          ORDER BY t.index DESC LIMIT 1) AS last ON true
        WHERE COALESCE(last.index + 1, 0) < $2 ORDER BY k.index LIMIT 1),
      made AS (
        INSERT INTO tasks (experiment_id, kernel_index, wave, index)
        SELECT $1, short.index, 'train', i FROM short, generate_series(short.next, LEAST(short.next + $3, $2::int) - 1) AS i
        ON CONFLICT DO NOTHING RETURNING 1)
      SELECT short.next, (SELECT count(*) FROM made)::int AS made FROM short`,
    values: [experimentId, tiles, rowsAtOnce],
  });
  const { next = 0, made = 0 } = rows[0] ?? {};
  // Plans made while the table was small read all of it: without this a pass took 2 s at a million rows.
  if (isPowerOfTwo(next / rowsAtOnce)) await db.pool.query('ANALYZE tasks');
  return made;
}

const isPowerOfTwo = (count: number) => Number.isInteger(Math.log2(count));

/**
 * Moves every kernel whose wave is complete into its next wave; tasks of that wave that are done already
 * (a kernel that was sent back for one bad tile) are counted, not made again. Holds the experiment's row meanwhile,
 * which every acceptance takes first: so a task that is accepted now is either counted here or counts itself.
 * @returns how many kernels moved
 */
export async function advanceKernels(db: Database, experimentId: string, sizes: WaveSizes): Promise<number> {
  return inTransaction(db, async (client) => {
    // A wave that completes while this waits for the row is left to the next pass, which its acceptance asks for.
    const { rows } = await client.query<{ complete: Wave[] }>({
      name: 'complete-waves',
      text: `SELECT ARRAY(SELECT DISTINCT wave FROM kernels
          WHERE experiment_id = $1 AND state = 'active' AND wave_done >= wave_total) AS complete
        FROM experiments WHERE id = $1 AND state = 'running' FOR NO KEY UPDATE`,
      values: [experimentId],
    });
    const complete = new Set(rows[0]?.complete);
    let moved = 0;
    for (const [position, wave] of waves.entries()) {
      if (!complete.has(wave)) continue;
      const next = waves.slice(position + 1).find((later) => sizes.tasks[later] > 0);
      if (!next) break;
      const { rowCount } = await client.query({
        name: 'advance-kernels',
        text: `WITH complete AS (
            SELECT index FROM kernels
            WHERE experiment_id = $1 AND state = 'active' AND wave = $2 AND wave_done >= wave_total FOR UPDATE),
          made AS (
            INSERT INTO tasks (experiment_id, kernel_index, wave, index, units)
            SELECT $1, complete.index, $3, i, CASE WHEN $3 = 'analysis' THEN LEAST($5::int, $6::int - i * $5::int) ELSE 1 END
            FROM complete, generate_series(0, $4::int - 1) AS i
            ON CONFLICT DO NOTHING)
          UPDATE kernels k SET wave = $3, wave_total = $4, wave_done = (
            SELECT count(*) FROM tasks t
            WHERE t.experiment_id = $1 AND t.kernel_index = k.index AND t.wave = $3 AND t.state = 'done')
          FROM complete WHERE k.experiment_id = $1 AND k.index = complete.index`,
        values: [experimentId, wave, next, sizes.tasks[next], sizes.analysisBatch, sizes.analysesPerKernel],
      });
      moved += rowCount ?? 0;
      // What is done already of the wave they came to may complete that too.
      if (rowCount) complete.add(next);
    }
    return moved;
  });
}
