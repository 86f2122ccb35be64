import { board, number, series } from '../panels.js';

/** All experiments together; the dashboard of Tessera shows each of them. */
export const experiments = board('experiments', 'Experiments', [
  ...(['running', 'completed', 'failed', 'cancelled'] as const).map((state) =>
    number(`${state[0]?.toUpperCase()}${state.slice(1)}`, { says: `Experiments that are ${state} now.` }, [
      `max(tessera_experiments{stack="$stack",state="${state}"}) or vector(0)`,
      state,
    ]),
  ),
  number('Paused', { says: 'Open experiments whose new work waits for room in the store.', redFrom: 1 }, [
    'max(tessera_experiments_paused{stack="$stack"})',
    'paused',
  ]),
  number('Store, free', { says: 'Bytes that the store can still take.', unit: 'bytes', redBelow: 1e9 }, [
    'min(tessera_store_free_bytes{stack="$stack"})',
    'free',
  ]),
  series('Experiments', { says: 'By state.' }, [
    'max by (state) (tessera_experiments{stack="$stack"})',
    '{{state}}',
  ]),
  series(
    'Waves',
    { says: 'Tasks accepted a second: tiles, analyses, strips, networks, finishes.', unit: 'ops' },
    ['sum by (wave) (rate(tessera_tasks_done_total{stack="$stack"}[$__rate_interval]))', '{{wave}}'],
  ),
  series(
    'Networks',
    { says: 'Networks of finite width, of kernels that are not finished, by state.', stacked: true },
    ['max by (state) (tessera_tasks{stack="$stack",wave="training"})', '{{state}}'],
  ),
  series('Training', { says: 'Steps of gradient descent a second, all networks together.', unit: 'ops' }, [
    'sum(rate(tessera_training_steps_total{stack="$stack"}[$__rate_interval]))',
    'steps',
  ]),
  series('Core-hours', { says: 'Wall hours of accepted tasks in the last hour, by wave.', stacked: true }, [
    'sum by (wave) (increase(tessera_compute_seconds_total{stack="$stack"}[1h])) / 3600',
    '{{wave}}',
  ]),
  series('Store, free', { says: 'Bytes that the store can still take.', unit: 'bytes' }, [
    'min(tessera_store_free_bytes{stack="$stack"})',
    'free',
  ]),
  series('Experiments made', { says: 'POSTs that were taken, a minute, and plans asked for.' }, [
    '60 * sum by (route) (rate(tessera_api_request_seconds_count{stack="$stack",method="POST",route=~"/v1/(experiments|plans)",status=~"2.."}[$__rate_interval]))',
    '{{route}}',
  ]),
  series('Event streams and arrays', { says: 'Answers a second.', unit: 'reqps' }, [
    'sum by (route) (rate(tessera_api_request_seconds_count{stack="$stack",route=~".*/(events|arrays|matrices|archive)(/.*)?"}[$__rate_interval]))',
    '{{route}}',
  ]),
]);
