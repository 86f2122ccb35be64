import pg from 'pg';

const dispatcherLock = 7_305_442_002;

export interface Leadership {
  /** True while this process holds the lock and its connection lives. */
  isLeader(): boolean;
  /** Tries to become the leader; resolves to `isLeader()`. */
  campaign(): Promise<boolean>;
  resign(): Promise<void>;
}

/**
 * Leader election among the API's replicas by one advisory lock on a connection of its own: Postgres drops
 * the lock with the connection, so a dead leader never blocks the next. Correctness does not rest on it
 * (every statement of the dispatcher is idempotent); it saves double work.
 */
export function standForLeader(url: string): Leadership {
  let client: pg.Client | null = null;
  let held = false;
  const drop = () => {
    held = false;
    client?.end().catch(() => {});
    client = null;
  };
  return {
    isLeader: () => held,
    async campaign() {
      if (held) return true;
      try {
        if (!client) {
          const next = new pg.Client({
            connectionString: url,
            application_name: 'tessera dispatcher',
            keepAlive: true,
          });
          next.on('error', drop);
          next.on('end', drop);
          await next.connect();
          client = next;
        }
        const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
          dispatcherLock,
        ]);
        held = rows[0]?.held === true;
      } catch {
        drop();
      }
      return held;
    },
    async resign() {
      held = false;
      const last = client;
      client = null;
      await last?.end().catch(() => {});
    },
  };
}
