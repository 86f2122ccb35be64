/** The tiles of an experiment as a map shows them: many at once, and then only what has changed. */
import type { TaskState, Wave } from '@tessera/spec';
import { type Database, inTransaction } from './connection.js';

/** A kernel of the grid: its state and how far its wave is. */
export interface MapKernel {
  index: number;
  state: string;
  wave: Wave;
  waveTotal: number;
  waveDone: number;
}

/** Where in (kernel, tile) order the next part of a long answer starts. */
export interface TilePosition {
  kernel: number;
  tile: number;
}

export interface TileChanges {
  /** Ask with it next time for what has changed since. */
  cursor: string;
  kernels: MapKernel[];
  /** Workers by their number in the records. */
  workers: string[];
  /** One entry a kernel: `count` records of `tileRecordBytes` in index order. */
  tiles: { kernel: number; count: number; records: Uint8Array }[];
  /** Where to go on, with the same `since`; null: this was all. */
  next: TilePosition | null;
}

/**
 * A tile's record, big-endian: index int32; int32 of state (bits 28 and 29: pending, leased, done, failed), whether it was
 * tried more than once (bit 27) and milliseconds (the rest); worker int16, its number in `workers`, or -1.
 */
export const tileRecordBytes = 10;
export const tileStates = ['pending', 'leased', 'done', 'failed'] as const satisfies readonly TaskState[];

/** Tiles of one answer: ten bytes each. */
const tilesAtOnce = 250_000;

/**
 * Kernels and train tiles changed since `since` (null: all of them). Changes are told by the transactions that wrote the
 * rows: what one answer missed because it was not committed comes with the next, some rows come twice, none is lost. Tiles
 * of kernels that are waiting have no rows yet; those of kernels that are done have none left.
 */
export async function readTileChanges(
  db: Database,
  experimentId: string,
  since: string | null,
  from: TilePosition | null,
): Promise<TileChanges> {
  return inTransaction(db, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: now } = await client.query<{ cursor: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS cursor',
    );
    // Row versions carry the low half of their transaction's number; age() compares beyond its overflow.
    const oldest = since === null ? null : String(BigInt(since) % 2n ** 32n);
    const changed = '($2::text IS NULL OR age(xmin) <= age($2::text::xid))';
    const { rows: kernels } =
      from === null
        ? await client.query<MapKernel>(
            `SELECT index, state, wave, wave_total AS "waveTotal", wave_done AS "waveDone" FROM kernels
             WHERE experiment_id = $1 AND ${changed} ORDER BY index`,
            [experimentId, oldest],
          )
        : { rows: [] };
    const { kernel, tile } = from ?? { kernel: -1, tile: -1 };
    const { rows } = await client.query<{
      kernel: number;
      count: number;
      last: number;
      records: Uint8Array;
      workers: string[];
    }>(
      `WITH changed AS MATERIALIZED (
         SELECT kernel_index, index, worker_id,
                (CASE state WHEN 'leased' THEN 1 WHEN 'done' THEN 2 WHEN 'failed' THEN 3 ELSE 0 END << 28)
                  | (CASE WHEN attempts + expiries > 0 THEN 1 ELSE 0 END << 27)
                  | LEAST(COALESCE(milliseconds, 0), 134217727) AS packed
         FROM tasks
         WHERE experiment_id = $1 AND wave = 'train' AND ${changed}
           AND kernel_index >= $3 AND (kernel_index > $3 OR index > $4)
         ORDER BY kernel_index, index LIMIT $5),
       names AS (
         SELECT worker_id, (row_number() OVER (ORDER BY worker_id) - 1)::int AS number
         FROM (SELECT DISTINCT worker_id FROM changed WHERE worker_id IS NOT NULL) AS all_names)
       SELECT kernel_index AS kernel, count(*)::int AS count, max(index) AS last,
              string_agg(int4send(index) || int4send(packed) || int2send(COALESCE(number, -1)::int2), ''::bytea ORDER BY index) AS records,
              (SELECT COALESCE(array_agg(worker_id ORDER BY number), '{}') FROM names) AS workers
       FROM changed LEFT JOIN names USING (worker_id) GROUP BY kernel_index ORDER BY kernel_index`,
      [experimentId, oldest, kernel, tile, tilesAtOnce],
    );
    const total = rows.reduce((sum, { count }) => sum + count, 0);
    const end = rows.at(-1);
    return {
      cursor: now[0]?.cursor ?? '0',
      kernels,
      workers: rows[0]?.workers ?? [],
      tiles: rows.map(({ kernel, count, records }) => ({ kernel, count, records })),
      next: end && total === tilesAtOnce ? { kernel: end.kernel, tile: end.last } : null,
    };
  });
}

/** Everything the database knows of one tile; null where its kernel has not started, or is done and its rows are gone. */
export interface TileDetail {
  state: TaskState;
  generation: number;
  attempts: number;
  expiries: number;
  workerId: string | null;
  engine: string | null;
  device: string | null;
  fingerprint: string | null;
  milliseconds: number | null;
  bytes: number | null;
  leasedUntil: Date | null;
  lastError: string | null;
  pieces: Record<string, { key: string; checksum: string }> | null;
}

export async function readTile(
  db: Database,
  experimentId: string,
  kernel: number,
  tile: number,
): Promise<TileDetail | null> {
  const { rows } = await db.pool.query<TileDetail>(
    `SELECT state, generation, attempts, expiries, worker_id AS "workerId", engine, device, fingerprint, milliseconds,
            bytes::float8 AS bytes, leased_until AS "leasedUntil", last_error AS "lastError", pieces
     FROM tasks WHERE experiment_id = $1 AND kernel_index = $2 AND wave = 'train' AND index = $3`,
    [experimentId, kernel, tile],
  );
  return rows[0] ?? null;
}
