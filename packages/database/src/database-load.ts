import type { Database } from './connection.js';

/** How Postgres itself fares, as its statistics say. Totals count since the server's last reset of them. */
export interface DatabaseLoad {
  bytes: number;
  /** `in-transaction`: idle with a transaction open. */
  connections: { state: 'active' | 'idle' | 'in-transaction'; count: number }[];
  connectionsLimit: number;
  /** Seconds since the oldest open transaction began; 0 where there is none. */
  oldestTransaction: number;
  committed: number;
  rolledBack: number;
  blocksFromCache: number;
  blocksFromDisk: number;
  deadlocks: number;
  tables: { table: string; live: number; dead: number }[];
}

/** Reads the statistics of this database; a role needs no rights for its own sessions and tables. */
export async function readDatabaseLoad(db: Database): Promise<DatabaseLoad> {
  const [totals, connections, tables] = await Promise.all([
    db.pool.query(`SELECT pg_database_size(datname)::float8 AS bytes, current_setting('max_connections')::int AS "connectionsLimit",
         xact_commit::float8 AS committed, xact_rollback::float8 AS "rolledBack", blks_hit::float8 AS "blocksFromCache",
         blks_read::float8 AS "blocksFromDisk", deadlocks::float8 AS deadlocks,
         (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()) AS "oldestTransaction"
       FROM pg_stat_database WHERE datname = current_database()`),
    db.pool.query(`SELECT CASE WHEN state = 'active' THEN 'active' WHEN state LIKE 'idle in transaction%' THEN 'in-transaction'
           ELSE 'idle' END AS state, count(*)::int AS count
       FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1`),
    db.pool.query(
      'SELECT relname AS table, n_live_tup::float8 AS live, n_dead_tup::float8 AS dead FROM pg_stat_user_tables WHERE schemaname = current_schema()',
    ),
  ]);
  return { ...totals.rows[0], connections: connections.rows, tables: tables.rows };
}
