import { board, number, series } from '../panels.js';

/** Postgres as Tessera finds it: no exporter is needed. */
export const database = board('database', 'Database', [
  number('Size', { says: 'Tables and indexes.', unit: 'bytes' }, [
    'max(tessera_database_bytes{stack="$stack"})',
    'bytes',
  ]),
  number('Connections', { says: 'Of those that the server takes.', unit: 'percentunit', redFrom: 0.9 }, [
    'sum(max by (state) (tessera_database_connections{stack="$stack"})) / max(tessera_database_connections_limit{stack="$stack"})',
    'taken',
  ]),
  number('Oldest transaction', { says: 'How long it has been open.', unit: 's', redFrom: 900 }, [
    'max(tessera_database_oldest_transaction_seconds{stack="$stack"})',
    'seconds',
  ]),
  number('Read from the cache', { says: 'Of the blocks that statements read.', unit: 'percentunit' }, [
    'sum(rate(tessera_database_blocks_read_total{stack="$stack",source="cache"}[$__rate_interval])) / sum(rate(tessera_database_blocks_read_total{stack="$stack"}[$__rate_interval]))',
    'cache',
  ]),
  number('Deadlocks', { says: 'In the last hour.', redFrom: 1 }, [
    'round(max(increase(tessera_database_deadlocks_total{stack="$stack"}[1h])))',
    'deadlocks',
  ]),
  number('Answers', { says: 'API replicas that the database answers.', redBelow: 1 }, [
    'sum(tessera_ready{stack="$stack",part="database"})',
    'replicas',
  ]),
  series('Transactions', { says: 'A second, by outcome.', unit: 'ops' }, [
    'max by (outcome) (rate(tessera_database_transactions_total{stack="$stack"}[$__rate_interval]))',
    '{{outcome}}',
  ]),
  series(
    'Connections',
    { says: 'By state, and what the server takes.' },
    ['max by (state) (tessera_database_connections{stack="$stack"})', '{{state}}'],
    ['max(tessera_database_connections_limit{stack="$stack"})', 'limit'],
  ),
  series('Rows', { says: 'Live rows by table, as autovacuum estimates them.' }, [
    'max by (table) (tessera_database_rows{stack="$stack",state="live"})',
    '{{table}}',
  ]),
  series('Dead rows', { says: 'Rows that vacuum will remove, by table.' }, [
    'max by (table) (tessera_database_rows{stack="$stack",state="dead"})',
    '{{table}}',
  ]),
  series('Blocks read', { says: 'A second, by where they were found.', unit: 'ops' }, [
    'max by (source) (rate(tessera_database_blocks_read_total{stack="$stack"}[$__rate_interval]))',
    '{{source}}',
  ]),
  series('Oldest transaction', { says: 'Vacuum removes nothing that it might see.', unit: 's' }, [
    'max(tessera_database_oldest_transaction_seconds{stack="$stack"})',
    'seconds',
  ]),
]);
