import { board, number, series } from '../panels.js';

/** Does it work, is it busy, is there room: the first look. */
export const overview = board('overview', 'Overview', [
  number('Ready', { says: 'API replicas whose database, queue and store answer.', redBelow: 1 }, [
    'count(min by (instance) (tessera_ready{stack="$stack"}) == 1) or vector(0)',
    'replicas',
  ]),
  number('Workers', { says: 'Worker processes heard of in the last 15 s.' }, [
    'sum(max by (engine) (tessera_workers{stack="$stack",role="worker"})) or vector(0)',
    'workers',
  ]),
  number('Aggregators', { says: 'Aggregator processes heard of in the last 15 s.', redBelow: 1 }, [
    'sum(max by (engine) (tessera_workers{stack="$stack",role="aggregator"})) or vector(0)',
    'aggregators',
  ]),
  number('Experiments running', { says: 'Experiments whose tasks are given out.' }, [
    'max(tessera_experiments{stack="$stack",state="running"}) or vector(0)',
    'running',
  ]),
  number('Paused', { says: 'Open experiments whose new work waits for room in the store.', redFrom: 1 }, [
    'max(tessera_experiments_paused{stack="$stack"})',
    'paused',
  ]),
  number('Store, free', { says: 'Bytes that the store can still take.', unit: 'bytes', redBelow: 1e9 }, [
    'min(tessera_store_free_bytes{stack="$stack"})',
    'free',
  ]),
  series('Tasks done', { says: 'Tasks accepted a second, by wave.', unit: 'ops', stacked: true }, [
    'sum by (wave) (rate(tessera_tasks_done_total{stack="$stack"}[$__rate_interval]))',
    '{{wave}}',
  ]),
  series(
    'Cores at work',
    { says: 'Seconds of accepted tasks a second: tasks in hand that come to something.' },
    ['sum by (engine) (rate(tessera_compute_seconds_total{stack="$stack"}[$__rate_interval]))', '{{engine}}'],
  ),
  series('Waiting', { says: 'Tasks of started kernels that no process holds, by wave.', stacked: true }, [
    'max by (wave) (tessera_tasks{stack="$stack",state="pending"})',
    '{{wave}}',
  ]),
  series(
    'Trouble',
    { says: 'Tasks sent again, by reason, and answers 5xx, a minute.' },
    [
      '60 * sum by (reason) (rate(tessera_task_retries_total{stack="$stack"}[$__rate_interval]))',
      'sent again: {{reason}}',
    ],
    [
      '60 * sum by (status) (rate(tessera_api_request_seconds_count{stack="$stack",status=~"5.."}[$__rate_interval]))',
      'API: {{status}}',
    ],
  ),
  series('Requests', { says: 'Requests a second, by method.', unit: 'reqps', stacked: true }, [
    'sum by (method) (rate(tessera_api_request_seconds_count{stack="$stack"}[$__rate_interval]))',
    '{{method}}',
  ]),
  series(
    'Seconds to answer',
    { says: 'Of all requests but event streams, arrays, archives and uploads.', unit: 's' },
    ...([0.5, 0.95, 0.99] as const).map(
      (quantile) =>
        [
          `histogram_quantile(${quantile}, sum by (le) (rate(tessera_api_request_seconds_bucket{stack="$stack",route!~".*/(events|arrays|matrices|archive)(/.*)?|/v1/(restore|gc|datasets.*)"}[$__rate_interval])))`,
          `${100 * quantile}%`,
        ] as const,
    ),
  ),
]);
