import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type ClaimedTask, protocolVersion } from '@tessera/database';
import { startRunner, type TaskOutcome } from '@tessera/runner';
import type { Service } from './open-service.js';
import { serveMetrics } from './serve-metrics.js';
import { type BeginStop, stopOnce } from './stop-once.js';

/** What computes the tasks of a service, and how it is known. */
export interface Computer {
  role: 'worker' | 'aggregator';
  engine: string;
  device: string;
  /** Equal fingerprints promise equal bits. */
  fingerprint: string;
  /** Tasks in hand at a time. */
  slots: number;
  /** What it measured of its machine (plan: `calibrate`). */
  rates?: object | null;
  /** Of a worker's engine: what it has, its words for it, its device's own memory, pair-layers a second. */
  precisions?: readonly string[];
  abilities?: readonly string[];
  memoryBytes?: number | null;
  speed?: number;
  perform(
    task: ClaimedTask,
    signal: AbortSignal,
    /** Says that the task is computed, and only to be written: the next may be taken. */
    release: () => void,
  ): Promise<Omit<TaskOutcome, 'result'> & { result: Computed }>;
  close(): Promise<void>;
}

/** Engine and device where they are not the service's. */
type Computed = Omit<TaskOutcome['result'], 'milliseconds' | 'engine' | 'device'> &
  Partial<Pick<TaskOutcome['result'], 'engine' | 'device'>>;

/** How long after the tasks in hand were given back a stop may still take. */
const closingMs = 10_000;

/** Serves a queue until the process is told to stop; then finishes what is in hand or gives it back. */
export async function serveTasks(service: Service, computer: Computer): Promise<void> {
  const { db, databaseUrl, queue, logger, metrics, settings, version } = service;
  const { role, engine, device, fingerprint, slots, rates, precisions, abilities, memoryBytes, speed } =
    computer;
  let stop: BeginStop | null = null;
  const runner = await startRunner({
    db,
    databaseUrl,
    queue,
    queueName: role === 'worker' ? 'tiles' : 'analyses',
    worker: {
      id: `${role}-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
      role,
      engine,
      device,
      fingerprint,
      version,
      slots,
      rates: rates ?? null,
      precisions: precisions ?? null,
      abilities: abilities ?? null,
      memoryBytes: memoryBytes ?? null,
      speed: speed ?? null,
      protocol: settings.testProtocol ?? protocolVersion,
    },
    leaseMs: settings.leaseMs,
    log: logger,
    async perform(task, signal, release) {
      const started = performance.now();
      const { result, ...outcome } = await computer.perform(task, signal, release);
      return { ...outcome, result: { engine, device, ...result, milliseconds: performance.now() - started } };
    },
    onAccepted(task, { milliseconds, bytes, engine }) {
      metrics.tasksDone.inc({ wave: task.wave, engine });
      metrics.computeSeconds.inc({ wave: task.wave, engine }, milliseconds / 1000);
      metrics.bytesWritten.inc({ wave: task.wave }, bytes);
    },
    onFailed: () => metrics.retries.inc({ reason: 'failure' }),
    onRefused: ({ message }) => stop?.(message, { isFatal: true }),
  });
  const metricsServer = await serveMetrics(service);
  logger.info(
    { role, engine, device, precisions, memoryBytes, speed, fingerprint, slots, queue: queue.backend },
    'ready',
  );
  stop = stopOnce(logger, settings.graceMs + closingMs, async () => {
    await runner.close(settings.graceMs);
    metricsServer?.closeAllConnections();
    await computer.close();
    await service.close();
  });
}
