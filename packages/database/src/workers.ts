import { type Database, hurried } from './connection.js';
import { protocolVersion, requireNeighbour } from './protocol.js';

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
  /** The protocol it speaks; left out: this build's. */
  protocol?: number;
  /** Tasks accepted a second over the last minute. */
  tasksPerSecond?: number;
  /** Of a worker's engine: left out or null where everything is computed. */
  precisions?: readonly string[] | null;
  /** Words of what it computes (spec: `abilityOf`). */
  abilities?: readonly string[] | null;
  /** Bytes of its device's own memory that tiles may take. */
  memoryBytes?: number | null;
  /** Pair-layers of fully connected networks a second, measured at its start. */
  speed?: number | null;
}

/** A worker heard of a moment ago. */
export type LivingWorker = WorkerIdentity & { rates: object | null; protocol: number };

/**
 * Registers a worker or says again that it lives. The time is the database's: workers' clocks differ.
 * @throws ProtocolMismatch where the database's protocol is no neighbour of the worker's; then nothing is registered
 */
export async function announceWorker(db: Database, worker: WorkerIdentity): Promise<void> {
  const protocol = worker.protocol ?? protocolVersion;
  const { rows } = await db.pool.query<{ protocol: number }>({
    ...hurried,
    name: 'announce-worker',
    text: `WITH here AS (SELECT protocol FROM instance), said AS (
        INSERT INTO workers (id, role, engine, device, fingerprint, version, slots, rates, protocol, tasks_per_second,
                             precisions, abilities, memory_bytes, speed)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM here WHERE abs(here.protocol - $9) <= 1
        ON CONFLICT (id) DO UPDATE SET role = $2, engine = $3, device = $4, fingerprint = $5, version = $6, slots = $7,
          rates = $8, protocol = $9, tasks_per_second = $10,
          precisions = $11, abilities = $12, memory_bytes = $13, speed = $14, heartbeat_at = CURRENT_TIMESTAMP)
      SELECT protocol FROM here`,
    values: [
      worker.id,
      worker.role,
      worker.engine,
      worker.device,
      worker.fingerprint,
      worker.version,
      worker.slots,
      worker.rates ? JSON.stringify(worker.rates) : null,
      protocol,
      worker.tasksPerSecond ?? null,
      worker.precisions ?? null,
      worker.abilities ?? null,
      worker.memoryBytes ?? null,
      worker.speed ?? null,
    ],
  });
  const name = `The ${worker.role} ${worker.id} (version ${worker.version})`;
  requireNeighbour(name, protocol, rows[0]?.protocol ?? protocol);
}

export async function forgetWorker(db: Database, id: string): Promise<void> {
  await db.prisma.worker.deleteMany({ where: { id } });
}

/** Forgets the workers that have been silent for longer than `silentMs`, by the database's clock. */
export async function forgetSilentWorkers(db: Database, silentMs: number): Promise<void> {
  await db.pool.query(
    `DELETE FROM workers WHERE heartbeat_at < CURRENT_TIMESTAMP - $1 * interval '1 millisecond'`,
    [silentMs],
  );
}

/** The slots of all workers of a role heard of within `withinMs`. */
export async function livingSlots(
  db: Database,
  withinMs: number,
): Promise<Record<WorkerIdentity['role'], number>> {
  const { rows } = await db.pool.query<{ role: WorkerIdentity['role']; slots: number }>({
    name: 'living-slots',
    text: `SELECT role, sum(slots)::int AS slots FROM workers
      WHERE heartbeat_at >= now() - $1 * interval '1 millisecond' GROUP BY role`,
    values: [withinMs],
  });
  return { worker: 0, aggregator: 0, ...Object.fromEntries(rows.map(({ role, slots }) => [role, slots])) };
}

/** Workers heard of within `withinMs`, by the database's clock. */
export async function livingWorkers(db: Database, withinMs: number): Promise<LivingWorker[]> {
  const { rows } = await db.pool.query<LivingWorker>(
    `SELECT id, role, engine, device, fingerprint, version, slots, rates, protocol FROM workers
     WHERE heartbeat_at >= CURRENT_TIMESTAMP - $1 * interval '1 millisecond' ORDER BY id`,
    [withinMs],
  );
  return rows;
}
