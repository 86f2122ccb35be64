import type { Wave } from '@tessera/spec';
import type { Database } from './connection.js';

/** What computed a part of an experiment. */
export interface ComputedBy {
  wave: Wave;
  engine: string;
  device: string;
  /** Equal fingerprints promise equal bits. */
  fingerprint: string;
}

/** What has computed the accepted tasks of an experiment so far, each once; tile by tile the tile map says it. */
export async function computedBy(db: Database, experimentId: string): Promise<ComputedBy[]> {
  const { rows } = await db.pool.query<ComputedBy>(
    `SELECT wave, engine, device, fingerprint FROM tasks WHERE experiment_id = $1 AND state = 'done'
     UNION
     SELECT wave.key, one->>'engine', one->>'device', one->>'fingerprint'
     FROM kernels, jsonb_each(kernels.summary) AS wave, jsonb_array_elements(wave.value->'engines') AS one
     WHERE experiment_id = $1 AND jsonb_typeof(kernels.summary) = 'object'
     ORDER BY wave, engine, device, fingerprint`,
    [experimentId],
  );
  return rows;
}
