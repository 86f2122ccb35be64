import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type LoopDelay, watchLoopDelay } from './loop-delay.js';

/**
 * The metrics of one process, in a registry of their own. Names and labels are part of the product (dashboards
 * read them): labels are few and bounded, never an experiment's id.
 */
export interface Metrics {
  readonly registry: Registry;
  /** `wave` (train, analysis, strip, training, finish), `state` (pending, leased, done, failed): tasks now. */
  readonly tasks: Gauge<'wave' | 'state'>;
  /** `state`: experiments now. */
  readonly experiments: Gauge<'state'>;
  /** Open experiments whose new work waits for room in the store. */
  readonly experimentsPaused: Gauge;
  /** Bytes that the store can still take; absent where a store cannot tell. */
  readonly storeFreeBytes: Gauge;
  /** `wave`, `engine`: tasks this process had accepted. */
  readonly tasksDone: Counter<'wave' | 'engine'>;
  /** `wave`, `engine`: wall seconds of accepted tasks. */
  readonly computeSeconds: Counter<'wave' | 'engine'>;
  /** `wave`: bytes of accepted tasks' results. */
  readonly bytesWritten: Counter<'wave'>;
  /** Steps of gradient descent that networks took here, those of trainings that were given up too. */
  readonly trainingSteps: Counter;
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
  /** `part` (database, queue, store): 1 where it answered this API process, else 0. */
  readonly ready: Gauge<'part'>;
  /** `role`, `engine`: worker and aggregator processes that were heard of a moment ago. */
  readonly workers: Gauge<'role' | 'engine'>;
  /** Of this process. */
  readonly loopDelay: LoopDelay;
  /** Of the database that all processes share, as Postgres counts it. */
  readonly database: DatabaseMetrics;
}

export interface DatabaseMetrics {
  /** Bytes of tables and indexes. */
  readonly bytes: Gauge;
  /** `state` (active, idle, in-transaction): connections now. */
  readonly connections: Gauge<'state'>;
  /** The most connections that the server takes. */
  readonly connectionsLimit: Gauge;
  /** Seconds since the oldest open transaction began; 0 where none is open. */
  readonly oldestTransaction: Gauge;
  /** `outcome` (committed, rolled-back): transactions. */
  readonly transactions: Counter<'outcome'>;
  /** `source` (cache, disk): blocks read. */
  readonly blocks: Counter<'source'>;
  /** Deadlocks that the server broke. */
  readonly deadlocks: Counter;
  /** `table`, `state` (live, dead): rows, as autovacuum estimates them. */
  readonly rows: Gauge<'table' | 'state'>;
}

/** Makes a registry with Tessera's metrics and Node's own (heap, garbage collection, ...). Gauges are absent until they are set. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectNodesMetrics(registry);
  const registers = [registry];
  const loopDelay = watchLoopDelay();
  new Gauge({
    name: 'tessera_event_loop_delay_seconds',
    help: 'The latest that a timer came since the last scrape.',
    registers,
    collect() {
      this.set(loopDelay.takeMost() / 1000);
    },
  });
  const metrics: Metrics = {
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
    trainingSteps: new Counter({
      name: 'tessera_training_steps_total',
      help: 'Steps of gradient descent that networks of finite width took.',
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
    ready: new Gauge({
      name: 'tessera_ready',
      help: 'Whether a part that the API needs answers it, 1 or 0.',
      labelNames: ['part'],
      registers,
    }),
    workers: new Gauge({
      name: 'tessera_workers',
      help: 'Worker and aggregator processes heard of a moment ago, by role and engine.',
      labelNames: ['role', 'engine'],
      registers,
    }),
    loopDelay,
    database: databaseMetrics(registers),
  };
  // A gauge without labels begins as 0, which a process that never measures it would report as the truth.
  const { bytes, connectionsLimit, oldestTransaction } = metrics.database;
  for (const gauge of [
    metrics.experimentsPaused,
    metrics.storeFreeBytes,
    bytes,
    connectionsLimit,
    oldestTransaction,
  ])
    gauge.remove();
  return metrics;
}

/** Node's own metrics, but for those of a histogram of the event loop, which would wake the process a hundred times a second. */
function collectNodesMetrics(registry: Registry): void {
  const never = 2 ** 31 - 1;
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never });
  for (const part of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']) {
    registry.removeSingleMetric(`nodejs_eventloop_lag_${part}_seconds`);
  }
}

function databaseMetrics(registers: Registry[]): DatabaseMetrics {
  return {
    bytes: new Gauge({
      name: 'tessera_database_bytes',
      help: 'Bytes of the tables and indexes of the database.',
      registers,
    }),
    connections: new Gauge({
      name: 'tessera_database_connections',
      help: 'Connections to the database by state.',
      labelNames: ['state'],
      registers,
    }),
    connectionsLimit: new Gauge({
      name: 'tessera_database_connections_limit',
      help: 'The most connections that the database server takes.',
      registers,
    }),
    oldestTransaction: new Gauge({
      name: 'tessera_database_oldest_transaction_seconds',
      help: 'Seconds since the oldest open transaction began.',
      registers,
    }),
    transactions: new Counter({
      name: 'tessera_database_transactions_total',
      help: 'Transactions of the database, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    blocks: new Counter({
      name: 'tessera_database_blocks_read_total',
      help: 'Blocks that statements read, by where they were found.',
      labelNames: ['source'],
      registers,
    }),
    deadlocks: new Counter({
      name: 'tessera_database_deadlocks_total',
      help: 'Deadlocks that the database server broke.',
      registers,
    }),
    rows: new Gauge({
      name: 'tessera_database_rows',
      help: 'Rows by table, live and dead, as autovacuum estimates them.',
      labelNames: ['table', 'state'],
      registers,
    }),
  };
}
