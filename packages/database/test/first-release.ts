/**
 * The first released schema's worker, frozen: its statements, letter for letter as they were. Never changed: a migration
 * that breaks one of them breaks workers that run while it is applied.
 */
import type pg from 'pg';

export const firstMigration = '0001_first_schema';

/** Rows of every table of the first schema: an experiment of one kernel whose tiles are still to be computed. */
export async function fillFirstSchema(client: pg.Pool, tiles: number): Promise<void> {
  const plan = { version: 1, kernels: 1, coreSeconds: 6, bytes: { kept: 5, temporary: 1 } };
  await client.query(
    `INSERT INTO experiments (id, name, state, spec, plan, provenance, dataset_sha256, numerics,
                              tiles_total, analyses_total, strips_total, started_at)
     VALUES ('old', 'old', 'running', '{"name":"old"}', $1, '{}', 'abc', 'pinned', $2, 1, 0, now())`,
    [plan, tiles],
  );
  await client.query(
    `INSERT INTO kernels (experiment_id, index, state, wave, wave_total) VALUES ('old', 0, 'active', 'train', $1)`,
    [tiles],
  );
  await client.query(
    `INSERT INTO tasks (experiment_id, kernel_index, wave, index, queued_at)
     SELECT 'old', 0, 'train', i, now() FROM generate_series(0, $1::int - 1) AS i`,
    [tiles],
  );
  await client.query(
    `INSERT INTO analyses (experiment_id, ordinal, kernel, weight_variance, bias_variance, depth, kernel_index, phase,
                           kappa, regression, dynamics, status, warnings)
     VALUES ('old', 0, 'ntk', 1.5, 0.1, 3, 0, 'ordered', 2.5, '[]', '[]', 'ok', '[]')`,
  );
  await client.query(`INSERT INTO datasets (name, sha256, manifest) VALUES ('images', 'abc', '{}')`);
  await client.query(
    `INSERT INTO idempotency_keys (key, body_sha256, experiment_id) VALUES ('key', 'def', 'old')`,
  );
}

/** What the first release's worker did with one task: announce, claim, heartbeat, accept. @throws where a statement fails */
export async function workAsFirstRelease(client: pg.PoolClient, task: bigint): Promise<boolean> {
  await client.query({
    name: 'announce-worker',
    text: `INSERT INTO workers (id, role, engine, device, fingerprint, version, slots)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (id) DO UPDATE SET role = $2, engine = $3, device = $4, fingerprint = $5, version = $6, slots = $7,
        heartbeat_at = CURRENT_TIMESTAMP`,
    values: ['old-worker', 'worker', 'native', 'cpu', 'f1', '0.1.0', 2],
  });
  const { rowCount: claimed } = await client.query({
    name: 'claim-worker',
    text: `UPDATE tasks t
      SET state = 'leased', worker_id = $3, leased_until = now() + $4 * interval '1 millisecond'
      FROM experiments e, kernels k
      WHERE t.id = $1 AND t.generation = $2 AND t.state = 'pending'
        AND e.id = t.experiment_id AND e.state = 'running'
        AND k.experiment_id = t.experiment_id AND k.index = t.kernel_index AND k.state = 'active' AND k.wave = t.wave
        AND (e.numerics = 'any' OR e.worker_fingerprint IS NULL OR e.worker_fingerprint = $5)
      RETURNING t.experiment_id, t.kernel_index, t.wave, t.index`,
    values: [task, 1, 'old-worker', 60_000, 'f1'],
  });
  if (!claimed) return false;
  await client.query({
    name: 'extend-leases',
    text: `UPDATE tasks t SET leased_until = now() + $2 * interval '1 millisecond'
      FROM experiments e WHERE t.worker_id = $1 AND t.state = 'leased' AND e.id = t.experiment_id
      RETURNING t.id, t.generation, e.state = 'running' AS wanted`,
    values: ['old-worker', 60_000],
  });
  await client.query('BEGIN');
  await client.query(
    `UPDATE experiments SET revision = revision + 1, worker_fingerprint = COALESCE(worker_fingerprint, $2),
       tiles_done = tiles_done + (SELECT units FROM tasks WHERE id = $3)
     WHERE id = $1 AND state = 'running' AND (numerics = 'any' OR worker_fingerprint IS NULL OR worker_fingerprint = $2)
       AND EXISTS (SELECT 1 FROM tasks WHERE id = $3 AND generation = $4 AND state = 'leased' AND worker_id = $5)`,
    ['old', 'f1', task, 1, 'old-worker'],
  );
  const { rowCount: held } = await client.query(
    `UPDATE tasks SET state = 'done', leased_until = NULL, engine = $4, device = $5, fingerprint = $6,
            milliseconds = $7, bytes = $8, pieces = $9, result = $10, last_error = NULL
     WHERE id = $1 AND generation = $2 AND state = 'leased' AND worker_id = $3`,
    [task, 1, 'old-worker', 'native', 'cpu', 'f1', 3, 8, '{}', null],
  );
  const { rows } = await client.query<{ finished: boolean }>(
    `UPDATE kernels SET wave_done = wave_done + 1 WHERE experiment_id = $1 AND index = $2 AND wave = $3
     RETURNING wave_done = wave_total AS finished`,
    ['old', 0, 'train'],
  );
  if (rows[0]?.finished) await client.query(`SELECT pg_notify('tessera_work', $1)`, ['old']);
  await client.query(`SELECT pg_notify('tessera_experiment', $1)`, ['old']);
  await client.query('COMMIT');
  return held === 1;
}
