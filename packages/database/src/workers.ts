import type { Database } from './connection.js';

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

/** Registers a worker or says again that it lives. */
export async function announceWorker(db: Database, worker: WorkerIdentity): Promise<void> {
  await db.prisma.worker.upsert({
    where: { id: worker.id },
    create: worker,
    update: { ...worker, heartbeatAt: new Date() },
  });
}

export async function forgetWorker(db: Database, id: string): Promise<void> {
  await db.prisma.worker.deleteMany({ where: { id } });
}

/** Workers heard of within `withinMs`, and the slots of each role. */
export async function livingWorkers(db: Database, withinMs: number): Promise<WorkerIdentity[]> {
  await db.prisma.worker.deleteMany({
    where: { heartbeatAt: { lt: new Date(Date.now() - 100 * withinMs) } },
  });
  return (await db.prisma.worker.findMany({
    where: { heartbeatAt: { gte: new Date(Date.now() - withinMs) } },
  })) as unknown as WorkerIdentity[];
}
