import { type Database, hurried } from './connection.js';

/** What a worker says of itself when it starts. */
export interface WorkerIdentity {
  id: string;
  role: 'worker' | 'aggregator';
  engine: string;
  device: string;
  fingerprint: string;
  version: string;
  /** How many tasks it takes at a time. */
  slots: number;
}

/** Registers a worker or says again that it lives. The time is the database's: workers' clocks differ. */
export async function announceWorker(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.pool.query({
    ...hurried,
    name: 'announce-worker',
    text: `INSERT INTO workers (id, role, engine, device, fingerprint, version, slots)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (id) DO UPDATE SET role = $2, engine = $3, device = $4, fingerprint = $5, version = $6, slots = $7,
        heartbeat_at = CURRENT_TIMESTAMP`,
    values: [
      worker.id,
      worker.role,
      worker.engine,
      worker.device,
      worker.fingerprint,
      worker.version,
      worker.slots,
    ],
  });
}

export async function forgetWorker(db: Database, id: string): Promise<void> {
  await db.prisma.worker.deleteMany({ where: { id } });
}

/** Workers heard of within `withinMs`, by the database's clock; forgets those silent for a hundred times as long. */
export async function livingWorkers(db: Database, withinMs: number): Promise<WorkerIdentity[]> {
  await db.pool.query(
    `DELETE FROM workers WHERE heartbeat_at < CURRENT_TIMESTAMP - 100 * $1 * interval '1 millisecond'`,
    [withinMs],
  );
  const { rows } = await db.pool.query<WorkerIdentity>(
    `SELECT id, role, engine, device, fingerprint, version, slots FROM workers
     WHERE heartbeat_at >= CURRENT_TIMESTAMP - $1 * interval '1 millisecond' ORDER BY id`,
    [withinMs],
  );
  return rows;
}
