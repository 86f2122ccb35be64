/** A Postgres of the system's, with its own client programs: what is installed where people make backups. */
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithParent, freePort } from '@tessera/embedded';
import { answers } from './answers.js';
import { findOnPath } from './find-on-path.js';

const programs = ['initdb', 'postgres', 'pg_dump', 'pg_restore'];

/** The folder with a server and its client programs of one version: of PATH, or where Debian has them; null where there is none. */
export function findSystemPostgres(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const onPath = findOnPath('initdb');
  const folders = [
    ...(onPath ? [join(onPath, '..')] : []),
    ...versions.map((version) => join(debian, version, 'bin')),
  ];
  return folders.find((folder) => programs.every((name) => existsSync(join(folder, name)))) ?? null;
}

export interface SystemPostgres {
  readonly port: number;
  /** The user's name, who owns the server. */
  readonly user: 'tessera';
  /** SIGQUIT, and its files are gone. */
  stop(): Promise<void>;
}

/** Starts one in a temporary folder; whoever asks on this machine is let in. */
export async function startSystemPostgres(binaries: string): Promise<SystemPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-system-postgres-'));
  // It does not run as root: as nobody then.
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (nobody.uid) chownSync(folder, nobody.uid, nobody.gid);
  const options = { ...nobody, cwd: folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
  const data = join(folder, 'data');
  const make = ['--pgdata', data, '--username=tessera', '--auth=trust', '--encoding=UTF8', '--no-sync'];
  execFileSync(join(binaries, 'initdb'), make, { ...options, stdio: 'pipe' });
  const port = await freePort();
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
  const server = spawn(
    join(binaries, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...options, stdio: 'ignore', detached: true },
  );
  const ended = new Promise<void>((resolve) =>
    server.on('exit', () => resolve()).on('error', () => resolve()),
  );
  const guard = endWithParent(server.pid as number, 'QUIT');
  for (let waits = 0; !(await answers(port)); waits++) {
    if (waits > 600) throw new Error(`${join(binaries, 'postgres')} does not start.`);
    await sleep(50);
  }
  return {
    port,
    user: 'tessera',
    async stop() {
      guard.cancel();
      server.kill('SIGQUIT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
