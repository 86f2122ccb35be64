import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { parseRedis, type Settings } from '@tessera/config';
import {
  connectionProblem,
  type Database,
  databaseProtocol,
  instanceId,
  livingWorkers,
  openDatabase,
  pendingMigrations,
  protocolVersion,
} from '@tessera/database';
import { openQueue } from '@tessera/queue';
import { type Finding, Wrong } from './checks.js';

const oldestPostgres = 140_000;
/** Leases are by the database's clock; a machine that differs by more than this has others wrong too. */
const clockLimitMs = 2000;
/** A worker silent for longer is not counted. */
const silenceMs = 15_000;

const noDatabase = 'TESSERA_DATABASE_URL is not set, and no stack runs in the data folder';

async function withDatabase<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = openDatabase(url, { connections: 2, onError: () => {} });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Version, migrations, protocol, clock and workers. */
export async function checkDatabase(url: string | null): Promise<Finding> {
  if (url === null) return { absent: noDatabase };
  return withDatabase(url, async (db) => {
    await db.ping().catch((error: unknown) => {
      throw connectionProblem(url, error);
    });
    const asked = Date.now();
    const { rows } = await db.pool.query<{ number: number; text: string; now: number }>(
      `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text,
              (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
    );
    const answered = Date.now();
    const { number, text, now } = rows[0] as { number: number; text: string; now: number };
    if (number < oldestPostgres) throw new Wrong(`Postgres ${text} is too old`, 'Use Postgres 14 or later.');
    const skew = now < asked ? asked - now : Math.max(0, now - answered);
    if (skew > clockLimitMs)
      throw new Wrong(
        `this clock and the database's differ by ${Math.round(skew)} ms`,
        'Set both clocks by NTP (chrony, systemd-timesyncd).',
      );
    const pending = await pendingMigrations(url);
    if (pending.length > 0)
      throw new Wrong(
        `Postgres ${text} lacks the migrations ${pending.join(', ')}`,
        'Apply them: node services/api/dist/migrate-main.js; `tessera up` does it by itself.',
      );
    const protocol = await databaseProtocol(db);
    const workers = await livingWorkers(db, silenceMs);
    const strange = [{ id: 'this command', protocol: protocolVersion }, ...workers].find(
      (one) => Math.abs(one.protocol - protocol) > 1,
    );
    if (strange)
      throw new Wrong(
        `${strange.id} speaks protocol ${strange.protocol}, the database is at ${protocol}`,
        'Upgrade one version at a time: docs/upgrading.md.',
      );
    const versions = [...new Set(workers.map(({ version }) => version))];
    const alive = `${workers.length} workers and aggregators alive${versions.length > 0 ? ` (${versions.join(', ')})` : ''}`;
    return `Postgres ${text}, no migration pending, protocol ${protocol}, clocks within ${Math.ceil(skew)} ms, ${alive}`;
  });
}

/** Connects once to any node: the queue's own client would try for ever, and say so each time. */
async function reach(url: string): Promise<void> {
  const attempts = parseRedis(url).nodes.map(
    ({ host, port }) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, host, () => {
          socket.destroy();
          resolve();
        });
        socket.setTimeout(5000, () => socket.destroy(new Error(`${host} does not answer`)));
        socket.on('error', reject);
      }),
  );
  await Promise.any(attempts).catch((error: AggregateError) => {
    throw error.errors[0];
  });
}

/** The queue answers, and forgets nothing. */
export async function checkQueue(
  { redisUrl, redisCaFile }: Pick<Settings, 'redisUrl' | 'redisCaFile'>,
  databaseUrl: string | null,
): Promise<Finding> {
  if (redisUrl === null) {
    return databaseUrl === null ? { absent: noDatabase } : 'deliveries go through Postgres';
  }
  await reach(redisUrl);
  const prefix =
    databaseUrl === null
      ? 'tessera-doctor'
      : `tessera-${await withDatabase(databaseUrl, instanceId).catch(() => 'doctor')}`;
  const errors: Error[] = [];
  const onError = (error: Error) => void errors.push(error);
  const redisCa = redisCaFile === null ? null : await readFile(redisCaFile, 'utf8');
  const options = { redisUrl, redisCa, databaseUrl: databaseUrl ?? '', prefix, onError };
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(errors[0] ?? new Error('Redis does not answer.')), 8000).unref();
  });
  const queue = await Promise.race([openQueue(options), late]);
  try {
    await queue.ping();
    const policy = await queue.evictionPolicy();
    if (policy !== null && policy !== 'noeviction')
      throw new Wrong(
        `Redis has the maxmemory-policy ${policy}: it may forget what waits`,
        'Set it: redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf.',
      );
    const { waiting, active } = await queue.depth('tiles');
    return `Redis answers; ${waiting} tiles wait, ${active} are in hand`;
  } finally {
    await queue.close();
  }
}
