import { queueWaves } from '@tessera/spec';
import type { Database } from './connection.js';
import type { WorkerIdentity } from './workers.js';

/** A worker or an aggregator, and what it does at this moment. */
export interface ClusterWorker
  extends Omit<WorkerIdentity, 'rates' | 'protocol' | 'tasksPerSecond' | 'abilities'> {
  startedAt: Date;
  secondsSilent: number;
  tasksPerSecond: number | null;
  leases: number;
}

/** The database's view of the whole: who works, what waits, what is held. */
export interface ClusterState {
  workers: ClusterWorker[];
  experiments: Record<string, number>;
  tasks: { wave: string; state: string; count: number }[];
  /** Tasks by queue that were given to it and are not claimed, and that are claimed. */
  queued: Record<'tiles' | 'analyses', { waiting: number; active: number }>;
  /** The task that has waited longest in the queue; null: none waits. */
  oldestQueuedSeconds: number | null;
  leases: { held: number; soonestEndSeconds: number | null };
  databaseBytes: number;
  /** What the plans of completed experiments say that the store keeps for them. */
  keptBytes: number;
  connections: { used: number; limit: number };
}

/**
 * Workers, the database and what they hold.
 * @param project counts the experiments, tasks and leases of this project alone; null: of all
 */
export async function readCluster(db: Database, project: string | null): Promise<ClusterState> {
  const ofProject = '($1::text IS NULL OR experiment_id IN (SELECT id FROM experiments WHERE project = $1))';
  const [workers, experiments, tasks, queue, sizes] = await Promise.all([
    db.pool.query<ClusterWorker>(
      `SELECT id, role, engine, device, fingerprint, version, slots, started_at AS "startedAt",
              precisions, memory_bytes::float8 AS "memoryBytes", speed,
              tasks_per_second AS "tasksPerSecond",
              extract(epoch FROM now() - heartbeat_at)::float8 AS "secondsSilent",
              (SELECT count(*)::int FROM tasks
               WHERE state = 'leased' AND worker_id = workers.id AND ${ofProject}) AS leases
       FROM workers ORDER BY role DESC, id LIMIT 1000`,
      [project],
    ),
    db.pool.query<{ state: string; count: number }>(
      'SELECT state, count(*)::int AS count FROM experiments WHERE $1::text IS NULL OR project = $1 GROUP BY state',
      [project],
    ),
    db.pool.query<{ wave: string; state: string; count: number; queued: number }>(
      `SELECT wave, state, count(*)::int AS count, count(queued_at) FILTER (WHERE state = 'pending')::int AS queued
       FROM tasks WHERE ${ofProject} GROUP BY wave, state ORDER BY wave, state`,
      [project],
    ),
    db.pool.query<{ oldest: number | null; held: number; ends: number | null }>(
      `SELECT extract(epoch FROM now() - min(queued_at) FILTER (WHERE state = 'pending'))::float8 AS oldest,
              count(*) FILTER (WHERE state = 'leased')::int AS held,
              extract(epoch FROM min(leased_until) FILTER (WHERE state = 'leased') - now())::float8 AS ends
       FROM tasks WHERE ${ofProject}`,
      [project],
    ),
    db.pool.query<{ bytes: number; kept: number; used: number; limit: number }>(
      `SELECT pg_database_size(current_database())::float8 AS bytes,
              (SELECT COALESCE(sum((plan->'bytes'->>'kept')::float8), 0) FROM experiments
               WHERE state = 'completed' AND ($1::text IS NULL OR project = $1)) AS kept,
              (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
              current_setting('max_connections')::int AS limit`,
      [project],
    ),
  ]);
  const { oldest = null, held = 0, ends = null } = queue.rows[0] ?? {};
  const { bytes = 0, kept = 0, used = 0, limit = 0 } = sizes.rows[0] ?? {};
  return {
    workers: workers.rows,
    experiments: Object.fromEntries(experiments.rows.map(({ state, count }) => [state, count])),
    tasks: tasks.rows.map(({ wave, state, count }) => ({ wave, state, count })),
    queued: {
      tiles: queuedOf(tasks.rows, queueWaves.tiles),
      analyses: queuedOf(tasks.rows, queueWaves.analyses),
    },
    oldestQueuedSeconds: oldest,
    leases: { held, soonestEndSeconds: ends },
    databaseBytes: bytes,
    keptBytes: kept,
    connections: { used, limit },
  };
}

function queuedOf(
  tasks: readonly { wave: string; state: string; count: number; queued: number }[],
  waves: readonly string[],
): { waiting: number; active: number } {
  const own = tasks.filter(({ wave }) => waves.includes(wave));
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    waiting: sum(own.map(({ queued }) => queued)),
    active: sum(own.filter(({ state }) => state === 'leased').map(({ count }) => count)),
  };
}
