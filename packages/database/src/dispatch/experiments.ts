import type { ExperimentSpec, ExperimentState } from '@tessera/spec';
import { type Database, inTransaction } from '../connection.js';

/** An experiment the dispatcher has to do with. */
export interface OpenExperiment<Plan = unknown> {
  id: string;
  state: ExperimentState;
  spec: ExperimentSpec;
  plan: Plan;
  provenance: Record<string, unknown>;
  datasetSha256: string;
}

/** Where an experiment that is not terminal stands: what one pass of the dispatcher must know of it. */
export interface Standing {
  id: string;
  state: ExperimentState;
  priority: number;
  project: string;
  /** W3C traceparent of the request that made it; null where it was not traced. */
  traceParent: string | null;
  /** Kernels in these states. */
  waiting: number;
  active: number;
  /** Whether a kernel has completed a wave that is not its last. */
  hasCompleteWave: boolean;
}

/**
 * Experiments that are not terminal, oldest first. One statement for all of them: asked one by one, a pass over 1,000
 * experiments took seconds.
 */
export async function openExperiments(db: Database): Promise<Standing[]> {
  const { rows } = await db.pool.query<Standing>({
    name: 'open-experiments',
    text: `SELECT e.id, e.state, e.priority, e.project, e.trace_parent AS "traceParent",
        count(*) FILTER (WHERE k.state = 'waiting')::int AS waiting,
        count(*) FILTER (WHERE k.state = 'active')::int AS active,
        COALESCE(bool_or(k.state = 'active' AND k.wave <> 'finish' AND k.wave_done >= k.wave_total), false)
          AS "hasCompleteWave"
      FROM experiments e
      LEFT JOIN kernels k ON k.experiment_id = e.id AND k.state IN ('waiting', 'active')
      WHERE e.state IN ('queued', 'running', 'cancelling') GROUP BY e.id ORDER BY e.sequence`,
  });
  return rows;
}

/** What a service must know of an experiment to work on it; constant while the experiment lives. */
export async function loadOpenExperiment<Plan>(
  db: Database,
  id: string,
): Promise<OpenExperiment<Plan> | null> {
  const row = await db.prisma.experiment.findUnique({
    where: { id },
    select: { id: true, state: true, spec: true, plan: true, provenance: true, datasetSha256: true },
  });
  return row as unknown as OpenExperiment<Plan> | null;
}

/** queued -> running. @returns false when it was no longer queued. */
export async function startExperiment(db: Database, id: string): Promise<boolean> {
  return settle(db, id, `state = 'running', started_at = COALESCE(started_at, now())`, `state = 'queued'`);
}

/** cancelling -> cancelled, once no lease is left. */
export async function settleCancelled(db: Database, id: string): Promise<boolean> {
  return settle(
    db,
    id,
    `state = 'cancelled', finished_at = now()`,
    `state = 'cancelling' AND NOT EXISTS (SELECT 1 FROM tasks WHERE experiment_id = $1 AND state = 'leased')`,
  );
}

/** queued -> failed: the experiment could not be prepared. */
export async function refuseExperiment(db: Database, id: string, error: string): Promise<boolean> {
  return settle(db, id, `state = 'failed', finished_at = now(), error = $2`, `state = 'queued'`, [
    error.slice(0, 2000),
  ]);
}

/** running -> completed or failed, once every kernel has ended and no lease is left. */
export async function settleFinished(
  db: Database,
  id: string,
  state: 'completed' | 'failed',
): Promise<boolean> {
  return settle(
    db,
    id,
    `state = '${state}', finished_at = now()`,
    `state = 'running'
     AND NOT EXISTS (SELECT 1 FROM kernels WHERE experiment_id = $1 AND state IN ('waiting', 'active'))
     AND NOT EXISTS (SELECT 1 FROM tasks WHERE experiment_id = $1 AND state = 'leased')`,
  );
}

async function settle(
  db: Database,
  id: string,
  change: string,
  condition: string,
  more: unknown[] = [],
): Promise<boolean> {
  return inTransaction(db, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE experiments SET ${change}, revision = revision + 1 WHERE id = $1 AND ${condition}`,
      [id, ...more],
    );
    if (rowCount) {
      await client.query(`SELECT pg_notify('tessera_experiment', $1), pg_notify('tessera_state', $1)`, [id]);
    }
    return rowCount === 1;
  });
}
