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
  /** What it measured of its machine at its start (plan: `Rates`); left out or null where it measured nothing. */
  rates?: object | null;
}

/** A worker heard of a moment ago. */
export type LivingWorker = WorkerIdentity & { rates: object | null };

/** Registers a worker or says again that it lives. The time is the database's: workers' clocks differ. */
export async function announceWorker(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.pool.query({
    ...hurried,
    name: 'announce-worker',
    text: `INSERT INTO workers (id, role, engine, device, fingerprint, version, slots, rates)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      ON CONFLICT (id) DO UPDATE SET role = $2, engine = $3, device = $4, fingerprint = $5, version = $6, slots = $7,
        rates = $8, heartbeat_at = CURRENT_TIMESTAMP`,
    values: [
      worker.id,
      worker.role,
      worker.engine,
      worker.device,
      worker.fingerprint,
      worker.version,
      worker.slots,
      worker.rates ? JSON.stringify(worker.rates) : null,
    ],
  });
}

export async function forgetWorker(db: Database, id: string): Promise<void> {
  await db.prisma.worker.deleteMany({ where: { id } });
}

/** Workers heard of within `withinMs`, by the database's clock; forgets those silent for a hundred times as long. */
export async function livingWorkers(db: Database, withinMs: number): Promise<LivingWorker[]> {
  await db.pool.query(
    `DELETE FROM workers WHERE heartbeat_at < CURRENT_TIMESTAMP - 100 * $1 * interval '1 millisecond'`,
    [withinMs],
  );
  const { rows } = await db.pool.query<LivingWorker>(
    `SELECT id, role, engine, device, fingerprint, version, slots, rates FROM workers
     WHERE heartbeat_at >= CURRENT_TIMESTAMP - $1 * interval '1 millisecond' ORDER BY id`,
    [withinMs],
  );
  return rows;
}
