import { board, series } from '../panels.js';

const pods = 'job=~"tessera-(worker|aggregator)"';

/** What the processes that compute do with their machines. */
export const workers = board('workers', 'Workers', [
  series(
    'Processes',
    { says: 'Workers and aggregators heard of in the last 15 s, by engine.', stacked: true },
    ['max by (role, engine) (tessera_workers{stack="$stack"})', '{{role}} {{engine}}'],
  ),
  series('Tasks done', { says: 'Tasks accepted a second, by process.', unit: 'ops', stacked: true }, [
    'sum by (instance) (rate(tessera_tasks_done_total{stack="$stack"}[$__rate_interval]))',
    '{{instance}}',
  ]),
  series('Seconds a task', { says: 'Mean wall time of accepted tasks, by wave and engine.', unit: 's' }, [
    'sum by (wave, engine) (rate(tessera_compute_seconds_total{stack="$stack"}[$__rate_interval])) / sum by (wave, engine) (rate(tessera_tasks_done_total{stack="$stack"}[$__rate_interval]))',
    '{{wave}} {{engine}}',
  ]),
  series(
    'Training',
    { says: 'Steps of gradient descent a second, by process.', unit: 'ops', stacked: true },
    [
      'sum by (instance) (rate(tessera_training_steps_total{stack="$stack"}[$__rate_interval]))',
      '{{instance}}',
    ],
  ),
  series('Processor time', { says: 'Cores that each process keeps busy.' }, [
    `rate(process_cpu_seconds_total{stack="$stack",${pods}}[$__rate_interval])`,
    '{{instance}}',
  ]),
  series('Memory', { says: 'Resident bytes of each process.', unit: 'bytes' }, [
    `process_resident_memory_bytes{stack="$stack",${pods}}`,
    '{{instance}}',
  ]),
  series(
    'Results written',
    { says: 'Bytes of accepted results a second, by wave.', unit: 'Bps', stacked: true },
    ['sum by (wave) (rate(tessera_bytes_written_total{stack="$stack"}[$__rate_interval]))', '{{wave}}'],
  ),
  series('Event loop', { says: 'The latest that a timer came: late heartbeats cost leases.', unit: 's' }, [
    `tessera_event_loop_delay_seconds{stack="$stack",${pods}}`,
    '{{instance}}',
  ]),
  series('Restarts', { says: 'How long each process has lived.', unit: 's' }, [
    `time() - process_start_time_seconds{stack="$stack",${pods}}`,
    '{{instance}}',
  ]),
]);
