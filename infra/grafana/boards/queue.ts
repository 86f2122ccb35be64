import { board, number, series } from '../panels.js';

/** What waits, for how long, and what is delivered more than once. */
export const queue = board('queue', 'Queue', [
  number('Pending', { says: 'Tasks that no process holds.' }, [
    'sum(max by (wave) (tessera_tasks{stack="$stack",state="pending"})) or vector(0)',
    'pending',
  ]),
  number('In hand', { says: 'Tasks under a lease.' }, [
    'sum(max by (wave) (tessera_tasks{stack="$stack",state="leased"})) or vector(0)',
    'leased',
  ]),
  number('Failed', { says: 'Tasks of unfinished kernels that have failed for good.', redFrom: 1 }, [
    'sum(max by (wave) (tessera_tasks{stack="$stack",state="failed"})) or vector(0)',
    'failed',
  ]),
  number('Longest wait', { says: 'Of the tasks that are queued now.', unit: 's', redFrom: 300 }, [
    'max(tessera_queue_age_seconds{stack="$stack"}) or vector(0)',
    'seconds',
  ]),
  number('Leases that ended', { says: 'In the last hour, because their worker was silent.', redFrom: 1 }, [
    'round(sum(increase(tessera_lease_expiries_total{stack="$stack"}[1h])))',
    'leases',
  ]),
  number('Deliveries lost', { says: 'In the last hour; the reconciler sent them again.', redFrom: 1 }, [
    'round(sum(increase(tessera_task_retries_total{stack="$stack",reason="lost-delivery"}[1h]))) or vector(0)',
    'deliveries',
  ]),
  series('Deliveries', { says: 'In Redis or Postgres: the bounded window before the workers.' }, [
    'max by (queue, state) (tessera_queue_depth{stack="$stack"})',
    '{{queue}} {{state}}',
  ]),
  series('Tasks', { says: 'By wave and state, of kernels that are not finished.', stacked: true }, [
    'max by (wave, state) (tessera_tasks{stack="$stack",state!="done"})',
    '{{wave}} {{state}}',
  ]),
  series('Longest wait', { says: 'Of the tasks that are queued, by wave.', unit: 's' }, [
    'max by (wave) (tessera_queue_age_seconds{stack="$stack"})',
    '{{wave}}',
  ]),
  series('Sent again', { says: 'Tasks a minute, by reason.' }, [
    '60 * sum by (reason) (rate(tessera_task_retries_total{stack="$stack"}[$__rate_interval]))',
    '{{reason}}',
  ]),
]);
