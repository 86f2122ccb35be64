/** Single processes of the services, started and stopped one by one, as an orchestrator does it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Database, migrate, openDatabase } from '@tessera/database';
import { type TestDatabase, testPostgres } from '@tessera/testkit';

export type ServiceName = 'api' | 'worker' | 'aggregator';

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  log(): string;
  /** Waits until it listens, or takes tasks; gives an API's address. @throws with its log where it ends before */
  ready(): Promise<string>;
}

/** A migrated database and a data folder, and the processes on them. */
export interface Processes {
  readonly db: Database;
  readonly databaseUrl: string;
  readonly dataDir: string;
  start(service: ServiceName, env?: Record<string, string>): ServiceProcess;
  /** Tasks leased to a process. */
  leasedTo(process: ServiceProcess): Promise<number>;
  /** SIGKILL of what still runs; the folder and the database go. */
  close(): Promise<void>;
}

/** @param database a migrated one; left out: one of its own on the test run's Postgres */
export async function openProcesses(database?: TestDatabase): Promise<Processes> {
  const { url, drop } = database ?? (await testPostgres({ name: 'migrated', prepare: migrate }));
  const dataDir = await mkdtemp(join(tmpdir(), 'tessera-processes-'));
  const db = openDatabase(url, { connections: 3 });
  const started: ServiceProcess[] = [];
  return {
    db,
    databaseUrl: url,
    dataDir,
    start(service, env = {}) {
      const main = fileURLToPath(new URL(`../services/${service}/dist/main.js`, import.meta.url));
      const process = watch(
        spawn(globalThis.process.execPath, [main], {
          env: {
            PATH: globalThis.process.env.PATH,
            UV_THREADPOOL_SIZE: '8',
            OPENBLAS_NUM_THREADS: '1',
            TESSERA_DATABASE_URL: url,
            TESSERA_DATA_DIR: dataDir,
            TESSERA_PORT: '0',
            TESSERA_THREADS: '1',
            ...env,
          },
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        }),
      );
      started.push(process);
      return process;
    },
    async leasedTo({ child }) {
      const { rows } = await db.pool.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM tasks WHERE state = 'leased' AND worker_id LIKE '%-' || $1::text || '-%'`,
        [child.pid],
      );
      return rows[0]?.n ?? 0;
    },
    async close() {
      for (const { child } of started) child.kill('SIGKILL');
      await Promise.all(started.map(({ exit }) => exit));
      await db.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): ServiceProcess {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      log += bytes.toString('utf8');
    });
  }
  return {
    child,
    exit: new Promise((resolve) => child.once('exit', resolve)),
    log: () => log,
    async ready() {
      for (;;) {
        const line = log.split('\n').find((text) => /"msg":"(listening|ready)"/.test(text));
        if (line) return (JSON.parse(line) as { url?: string }).url ?? '';
        if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${log}`);
        await sleep(20);
      }
    },
  };
}
