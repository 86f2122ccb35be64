import pg from 'pg';

const dispatcherLock = 7_305_442_002;

export interface Leadership {
  /** True while this process holds the lock and its connection lives. */
  isLeader(): boolean;
  /** Tries to become the leader, or proves that this process still is; resolves to `isLeader()`. Called regularly. */
  campaign(): Promise<boolean>;
  resign(): Promise<void>;
}

/**
 * Leader election among the API's replicas by one advisory lock on a connection of its own: Postgres drops
 * the lock with the connection, so a dead leader never blocks the next. Correctness does not rest on it (every statement of the dispatcher is idempotent); it saves double work.
 * @param silenceMs a leader that says nothing for so long (stopped, cut off) loses the lock: Postgres ends its connection
 */
export function standForLeader(url: string, silenceMs: number): Leadership {
  const answerMs = Math.min(10_000, silenceMs);
  let client: pg.Client | null = null;
  let held = false;
  const drop = (lost: pg.Client) => {
    if (client === lost) {
      client = null;
      held = false;
    }
    lost.end().catch(() => {});
  };
  const connect = async (): Promise<pg.Client> => {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'tessera dispatcher',
      keepAlive: true,
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
    });
    next.on('error', () => drop(next));
    next.on('end', () => drop(next));
    await next.connect();
    await next.query(`SET idle_session_timeout = ${silenceMs}`);
    return next;
  };
  return {
    isLeader: () => held,
    async campaign() {
      let current = client;
      try {
        if (!current) {
          current = await connect();
          client = current;
        }
        // Asked again while it holds the lock, it proves that the connection lives.
        const { rows } = await current.query<{ held: boolean }>(
          held ? 'SELECT true AS held' : 'SELECT pg_try_advisory_lock($1) AS held',
          held ? [] : [dispatcherLock],
        );
        held = client === current && rows[0]?.held === true;
      } catch {
        if (current) drop(current);
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
