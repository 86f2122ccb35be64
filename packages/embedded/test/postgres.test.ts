import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, holdDataFolder, removeDataFolder, startPostgres } from '../src/index.js';
import { identify } from '../src/process-identity.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function temporaryFolder(parent = tmpdir()): Promise<string> {
  const path = await mkdtemp(join(parent, 'tessera-embedded-'));
  cleanups.push(() => removeDataFolder(path));
  return path;
}

async function start(dataDir: string): Promise<EmbeddedPostgres & { close(): Promise<void> }> {
  const folder = await holdDataFolder(dataDir);
  const postgres = await startPostgres({ folder, log: () => {} });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await postgres.stop();
    await folder.release();
  };
  cleanups.push(close);
  return { ...postgres, close };
}

/** Where the cluster lies: not in the data folder where root can have no user namespace. */
async function clusterOf(dataDir: string): Promise<string> {
  return JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8')).folder;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not come true in time');
    await sleep(20);
  }
}

interface StackProcess {
  child: ChildProcess;
  url: string;
  pid: number;
}

/** Starts it by a process of its own, which can be killed. */
function startByProcess(
  dataDir: string,
  options: SpawnOptions & { command?: string[] } = {},
): Promise<StackProcess> {
  const { command = [], ...spawnOptions } = options;
  const program = options.cwd
    ? 'run-postgres.mjs'
    : fileURLToPath(new URL('run-postgres.mjs', import.meta.url));
  const [file, ...args] = [...command, process.execPath, program, dataDir] as string[];
  const child = spawn(file as string, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await new Promise((resolve) => child.on('exit', resolve));
  });
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    child.stdout?.once('data', (line) => resolve({ child, ...JSON.parse(String(line)) }));
    child.on('exit', () => reject(new Error(output)));
  });
}

/** One for several tests, since a cluster takes longer to make than to start; the last of them damages it. */
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tessera-embedded-'));
});
afterAll(() => removeDataFolder(dataDir));

describe('the embedded Postgres', () => {
  it('serves UTF-8 text and durable commits to connections with its password only', async () => {
    const postgres = await start(dataDir);
    const [row] = await query(
      postgres.url,
      `SELECT current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit, upper('straße é') AS upper`,
    );
    expect(row).toEqual({ encoding: 'UTF8', fsync: 'on', commit: 'on', upper: 'STRAßE É' });
    await expect(query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
  });

  it('keeps its password and its cluster from other users', async () => {
    await start(dataDir);
    expect((await stat(join(dataDir, 'postgres.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(await clusterOf(dataDir))).mode & 0o777).toBe(0o700);
  });

  it('is the same database when the folder is started again', async () => {
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.close();
    expect(identify(first.pid() as number)).toBeNull();
    const second = await start(dataDir);
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('runs beside that of another folder', async () => {
    const [one, two] = await Promise.all([start(dataDir), start(await temporaryFolder())]);
    await query(one.url, 'CREATE TABLE mine ()');
    await expect(query(two.url, 'SELECT * FROM mine')).rejects.toThrow(/does not exist/);
  });

  it('starts again on the same port when it is killed', async () => {
    const postgres = await start(dataDir);
    await query(postgres.url, 'CREATE TABLE outlived AS SELECT 42 AS answer');
    const before = postgres.pid() as number;
    process.kill(before, 'SIGKILL');
    await until(() =>
      query(postgres.url, 'SELECT answer FROM outlived').then(
        () => true,
        () => false,
      ),
    );
    expect(postgres.pid()).not.toBe(before);
  });

  it('removes a pid file whose process is no Postgres', async () => {
    await (await start(dataDir)).close();
    await writeFile(
      join(await clusterOf(dataDir), 'postmaster.pid'),
      `${process.pid}\n/somewhere\n0\n5432\n\n*\n\nready\n`,
    );
    const postgres = await start(dataDir);
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

/** Kills it, and waits until it has gone. */
async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('a killed stack', () => {
  it('leaves no Postgres behind', async () => {
    const { child, pid } = await startByProcess(dataDir);
    await kill(child);
    await until(() => identify(pid) === null);
  });

  it('is followed by a start that finds every commit, though Postgres was killed too', async () => {
    const { child, pid, url } = await startByProcess(dataDir);
    await query(url, 'CREATE TABLE committed AS SELECT 42 AS answer');
    const killed = kill(child);
    process.kill(pid, 'SIGKILL');
    await killed;
    const postgres = await start(dataDir);
    expect(await query(postgres.url, 'SELECT answer FROM committed')).toEqual([{ answer: 42 }]);
  });

  it('is followed by a start that first stops the Postgres it left', async () => {
    const { child, pid } = await startByProcess(dataDir);
    // A killed guard cannot end Postgres: as when everything but Postgres was killed.
    for (const guard of guardsOf(pid)) process.kill(guard, 'SIGKILL');
    await kill(child);
    expect(identify(pid)).not.toBeNull();
    const postgres = await start(dataDir);
    expect(identify(pid)).toBeNull();
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a cluster that lacks files', () => {
  it('says what Postgres said when it did not start', async () => {
    await (await start(dataDir)).close();
    await rm(join(await clusterOf(dataDir), 'global'), { recursive: true });
    await expect(start(dataDir)).rejects.toThrow(/did not start[\s\S]*global/);
    await rm(join(dataDir, 'stack.json'), { force: true });
  });
});

/** The shells that end Postgres with its parent: their arguments name its pid. */
function guardsOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const words = commandLine(name);
      return words[0] === '/bin/sh' && words[3] === String(pid);
    })
    .map(Number);
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };
/** What these tests need of the machine beside root. */
const canMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;
const canNobodyRead =
  isRoot && spawnSync('test', ['-r', fileURLToPath(import.meta.url)], { ...nobody, cwd: '/' }).status === 0;
const unlessMounts = it.skipIf(!canMount);
const unlessReadable = it.skipIf(!canNobodyRead);

describe.skipIf(!isRoot)('users (left out unless root runs the tests)', () => {
  it('lets root run it from a folder that only root can enter', async () => {
    const closed = await temporaryFolder();
    await chmod(closed, 0o700);
    const { url } = await startByProcess(join(closed, 'data'));
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  unlessMounts(
    'runs as a user made for it where root can have no user namespace (left out where none can mount)',
    async () => {
      // Inside a chroot the kernel makes none; this one is the whole file system bound to another folder.
      const dataDir = join(await temporaryFolder(), 'data');
      const root = await temporaryFolder('/var/tmp');
      const script = 'mount --rbind / "$0" && exec chroot "$0" "$@"';
      const hadUser = await hasUser();
      // Runs after the process has been stopped.
      let folder: string | null = null;
      cleanups.push(async () => {
        if (folder) await rm(dirname(folder), { recursive: true, force: true });
        if (!hadUser) execFileSync('userdel', ['tessera-postgres'], { stdio: 'ignore' });
      });
      const { url } = await startByProcess(dataDir, {
        command: ['unshare', '--mount', 'sh', '-c', script, root],
      });
      const recorded = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8')) as {
        folder: string;
      };
      folder = recorded.folder;
      expect(folder).toMatch(/^\/var\/lib\/tessera\/[0-9a-f]{16}\/postgres$/);
      expect((await stat(folder)).uid).not.toBe(0);
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    },
  );

  unlessReadable(
    'lets an ordinary user run it, and root start what that user made (left out where the clone is closed to others)',
    async () => {
      const dataDir = await temporaryFolder();
      await chown(dataDir, 65534, 65534);
      const users = await startByProcess(dataDir, { uid: 65534, gid: 65534 });
      await query(users.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
      expect((await stat(await clusterOf(dataDir))).uid).toBe(65534);
      users.child.kill('SIGTERM');
      await until(() => users.child.exitCode !== null);
      const postgres = await start(dataDir);
      expect(await query(postgres.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    },
  );
});

async function hasUser(): Promise<boolean> {
  return (await readFile('/etc/passwd', 'utf8')).includes('tessera-postgres:');
}
