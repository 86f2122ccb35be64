import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The metrics of one process, in a registry of their own. Names and labels are part of the product (dashboards
 * read them): labels are few and bounded, never an experiment's id.
 */
export interface Metrics {
  readonly registry: Registry;
  /** `wave` (train, analysis, strip, finish), `state` (pending, leased, done, failed): tasks now. */
  readonly tasks: Gauge<'wave' | 'state'>;
  /** `state`: experiments now. */
  readonly experiments: Gauge<'state'>;
  /** Open experiments whose new work waits for room in the store. */
  readonly experimentsPaused: Gauge;
  /** Bytes that the store can still take. */
  readonly storeFreeBytes: Gauge;
  /** `wave`, `engine`: tasks this process had accepted. */
  readonly tasksDone: Counter<'wave' | 'engine'>;
  /** `wave`, `engine`: wall seconds of accepted tasks. */
  readonly computeSeconds: Counter<'wave' | 'engine'>;
  /** `wave`: bytes of accepted tasks' results. */
  readonly bytesWritten: Counter<'wave'>;
  /** `method`, `route` (the pattern), `status`: seconds to answer. */
  readonly apiSeconds: Histogram<'method' | 'route' | 'status'>;
  /** `wave`: seconds since the task was queued that has waited longest for a worker. */
  readonly queueAge: Gauge<'wave'>;
  /** `queue`, `state` (waiting, active): deliveries now. */
  readonly queueDepth: Gauge<'queue' | 'state'>;
  /** Leases that ended because their worker was silent. */
  readonly leaseExpiries: Counter;
  /** `reason` (lease, failure, lost-delivery): tasks sent again. */
  readonly retries: Counter<'reason'>;
}

/** Makes a registry with Tessera's metrics and Node's own (heap, event-loop lag, ...). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    tasks: new Gauge({
      name: 'tessera_tasks',
      help: 'Tasks by wave and state.',
      labelNames: ['wave', 'state'],
      registers,
    }),
    experiments: new Gauge({
      name: 'tessera_experiments',
      help: 'Experiments by state.',
      labelNames: ['state'],
      registers,
    }),
    experimentsPaused: new Gauge({
      name: 'tessera_experiments_paused',
      help: 'Open experiments whose new work waits for room in the store.',
      registers,
    }),
    storeFreeBytes: new Gauge({
      name: 'tessera_store_free_bytes',
      help: 'Bytes that the store can still take.',
      registers,
    }),
    tasksDone: new Counter({
      name: 'tessera_tasks_done_total',
      help: 'Tasks accepted, by wave and engine.',
      labelNames: ['wave', 'engine'],
      registers,
    }),
    computeSeconds: new Counter({
      name: 'tessera_compute_seconds_total',
      help: 'Wall seconds of accepted tasks, by wave and engine.',
      labelNames: ['wave', 'engine'],
      registers,
    }),
    bytesWritten: new Counter({
      name: 'tessera_bytes_written_total',
      help: 'Bytes of accepted results, by wave.',
      labelNames: ['wave'],
      registers,
    }),
    apiSeconds: new Histogram({
      name: 'tessera_api_request_seconds',
      help: 'Seconds to answer a request, by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    }),
    queueAge: new Gauge({
      name: 'tessera_queue_age_seconds',
      help: 'Seconds that the task has waited which has waited longest for a worker, by wave.',
      labelNames: ['wave'],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'tessera_queue_depth',
      help: 'Deliveries by queue and state.',
      labelNames: ['queue', 'state'],
      registers,
    }),
    leaseExpiries: new Counter({
      name: 'tessera_lease_expiries_total',
      help: 'Leases that ended because their worker was silent.',
      registers,
    }),
    retries: new Counter({
      name: 'tessera_task_retries_total',
      help: 'Tasks sent again, by reason.',
      labelNames: ['reason'],
      registers,
    }),
  };
}
