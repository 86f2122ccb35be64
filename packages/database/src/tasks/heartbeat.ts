import { type Database, hurried } from '../connection.js';

/** A lease that a worker still holds, and whether its experiment wants the work. */
export interface HeldLease {
  id: bigint;
  generation: number;
  isWanted: boolean;
}

/** Extends every lease of a worker; a lease that is not in the answer is lost. */
export async function extendLeases(db: Database, workerId: string, leaseMs: number): Promise<HeldLease[]> {
  const { rows } = await db.pool.query<{ id: string; generation: number; wanted: boolean }>({
    ...hurried,
    name: 'extend-leases',
    text: `UPDATE tasks t SET leased_until = now() + $2 * interval '1 millisecond'
      FROM experiments e WHERE t.worker_id = $1 AND t.state = 'leased' AND e.id = t.experiment_id
      RETURNING t.id, t.generation, e.state = 'running' AS wanted`,
    values: [workerId, leaseMs],
  });
  return rows.map((row) => ({ id: BigInt(row.id), generation: row.generation, isWanted: row.wanted }));
}
