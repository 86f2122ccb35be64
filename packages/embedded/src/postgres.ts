import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, readlink, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, database, openCluster, readCluster, user } from './cluster.js';
import type { DataFolder } from './data-folder.js';
import { endWithParent } from './end-with-parent.js';
import { endProcess, identify, sendSignal } from './process-identity.js';
import { spawnOptions } from './run-as.js';

/**
 * Settings of a database that shares its machine with the computation: few buffers (the rows are small), no
 * replication. What was acknowledged stays: fsync and synchronous_commit are on.
 */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_level: 'minimal',
  max_wal_senders: 0,
  max_wal_size: '512MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const startTimeoutMs = 60_000;
/** Fast shutdown: ends the connections, writes a checkpoint. */
const stopTimeoutMs = 30_000;

export interface EmbeddedPostgres {
  /** postgresql://tessera:...@127.0.0.1:PORT/tessera, the same for the life of this object. */
  readonly url: string;
  readonly port: number;
  pid(): number | null;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  folder: DataFolder;
  /** How many it allows at once; left out: 200. */
  connections?: number;
  /** One line for people each. */
  log: (line: string) => void;
}

/**
 * Starts the Postgres of a held data folder on a free port of 127.0.0.1, ending first what a killed stack left
 * of it, and starts it again when it dies. It runs in a session of its own, so Ctrl-C does not reach it; when
 * this process dies, a watching shell shuts it down.
 */
export async function startPostgres({
  folder,
  connections = 200,
  log,
}: PostgresOptions): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(folder.path, log);
  await endLeftover(cluster);
  let port = await freePort();
  let server: RunningServer;
  for (let attempt = 1; ; attempt++) {
    try {
      server = await launch(cluster, port, connections, folder);
      break;
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt === 3 || !(error as Error).message.includes('could not bind')) throw error;
      port = await freePort();
    }
  }

  let isStopping = false;
  const watch = async () => {
    while (!isStopping) {
      await server.ended;
      if (isStopping) return;
      log('The embedded Postgres ended unexpectedly and is started again.');
      for (let waitMs = 250; !isStopping; waitMs = Math.min(2 * waitMs, 10_000)) {
        try {
          await endLeftover(cluster);
          server = await launch(cluster, port, connections, folder);
          break;
        } catch (error) {
          log(`The embedded Postgres could not be started: ${(error as Error).message}`);
          await sleep(waitMs);
        }
      }
    }
  };
  const watching = watch();

  return {
    url: `postgresql://${user}:${cluster.password}@127.0.0.1:${port}/${database}`,
    port,
    pid: () => server.pid,
    async stop() {
      isStopping = true;
      await server.stop();
      await watching;
      // `watch` may have been starting another.
      await server.stop();
      folder.record('postgres', null);
    },
  };
}

interface RunningServer {
  readonly pid: number;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

async function launch(
  cluster: Cluster,
  port: number,
  connections: number,
  folder: DataFolder,
): Promise<RunningServer> {
  const logFile = join(folder.logs, 'postgres.log');
  const logFd = openSync(logFile, 'a', 0o600);
  const [program, ...args] = [
    ...cluster.runAs.prefix,
    join(cluster.binaries, 'bin/postgres'),
    '-D',
    cluster.folder,
    '-p',
    String(port),
    ...Object.entries({ ...settings, max_connections: connections }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]),
  ] as [string, ...string[]];
  const before = (await readFile(logFile)).length;
  const child = spawn(program, args, {
    ...spawnOptions(cluster.runAs),
    stdio: ['ignore', logFd, logFd],
    cwd: '/',
    detached: true,
  });
  closeSync(logFd);
  let failure: Error | null = null;
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      failure = error;
      hasEnded = true;
      resolve();
    });
    child.on('exit', () => {
      hasEnded = true;
      resolve();
    });
  });
  const pid = child.pid ?? 0;
  const guard = pid > 0 ? endWithParent(pid, 'INT') : null;
  void ended.then(() => guard?.cancel());
  if (pid > 0) folder.record('postgres', pid);

  const deadline = performance.now() + startTimeoutMs;
  while (!(await isReady(cluster.folder, pid))) {
    if (hasEnded || performance.now() > deadline) {
      const said = (await readFile(logFile))
        .subarray(before)
        .toString('utf8')
        .trim()
        .split('\n')
        .slice(-8)
        .join('\n');
      if (!hasEnded) sendSignal(pid, 'SIGQUIT');
      throw new Error(
        `The embedded Postgres did not start${failure ? ` (${(failure as Error).message})` : ''}. ${logFile} ends with:\n${said}`,
      );
    }
    await sleep(10);
  }
  return {
    pid,
    ended,
    async stop() {
      if (hasEnded) return;
      sendSignal(pid, 'SIGINT');
      const patience = setTimeout(() => sendSignal(pid, 'SIGQUIT'), stopTimeoutMs);
      await ended;
      clearTimeout(patience);
    },
  };
}

/** The address of the Postgres that a stack runs in a data folder at this moment; null where there is none. */
export async function runningPostgres(dataDir: string): Promise<string | null> {
  const record = await readCluster(dataDir);
  if (record === null) return null;
  const lines = (await readFile(join(record.folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const port = lines[3]?.trim();
  if (lines[7]?.trim() !== 'ready' || !port) return null;
  return `postgresql://${user}:${record.password}@127.0.0.1:${port}/${database}`;
}

/** What pg_ctl looks at: the eighth line of the pid file. */
async function isReady(clusterFolder: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(clusterFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  // In a user namespace the pid is the same: no pid namespace is made.
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

/** Shuts down a postmaster that still serves the cluster; removes a pid file whose process is not one. */
async function endLeftover({ folder }: Cluster): Promise<void> {
  const file = join(folder, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return;
  const left = identify(Number.parseInt(text, 10));
  // A postmaster works in its cluster's folder; any other process was given the pid since.
  if (left && (await readlink(`/proc/${left.pid}/cwd`).catch(() => '')) === folder) {
    await endProcess(left, [
      { signal: 'SIGINT', waitMs: 20_000 },
      { signal: 'SIGQUIT', waitMs: 5000 },
      { signal: 'SIGKILL', waitMs: 5000 },
    ]);
  }
  await rm(file, { force: true });
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address() as { port: number };
      server.close(() => resolve(address.port));
    });
  });
}
