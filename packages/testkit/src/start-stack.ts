import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, removeDataFolder } from '@tessera/embedded';

const command = fileURLToPath(new URL('../../cli/bin/tessera.js', import.meta.url));

export interface StackOptions {
  /** Kept when the stack stops; default: a temporary folder, deleted then. */
  dataDir?: string;
  workers?: number;
  env?: Readonly<Record<string, string>>;
  /** More arguments of `tessera up`. */
  args?: readonly string[];
  readyTimeoutMs?: number;
}

/** A whole stack, started as its users start it. */
export interface TestStack {
  readonly url: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** What `tessera up` has printed so far. */
  output(): string;
  /** The pids of the supervisor, Postgres and the services, by name. */
  pids(): Promise<Record<string, number>>;
  /** SIGTERM, as Ctrl-C does it in order; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL of the supervisor, of Postgres and of every service at once; keeps the data folder. */
  kill(): Promise<void>;
}

/** Runs `tessera up` on a free port and waits until `/readyz` is 200. */
export async function startStack(options: StackOptions = {}): Promise<TestStack> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'tessera-test-stack-')));
  const port = await freePort();
  const args = [
    'up',
    '--port',
    String(port),
    '--data-dir',
    dataDir,
    '--workers',
    String(options.workers ?? 1),
  ];
  const child = spawn(process.execPath, [command, ...args, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TESSERA_DATABASE_URL: '', TESSERA_REDIS_URL: '', ...options.env },
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  const url = `http://127.0.0.1:${port}`;

  const pids = async (): Promise<Record<string, number>> => {
    const record = JSON.parse(await readFile(join(dataDir, 'stack.json'), 'utf8')) as {
      supervisor: { pid: number };
      children: Record<string, { pid: number }>;
    };
    const children = Object.entries(record.children).map(([name, { pid }]) => [name, pid] as const);
    return { supervisor: record.supervisor.pid, ...Object.fromEntries(children) };
  };
  const stack: TestStack = {
    url,
    dataDir,
    process: child,
    output: () => output,
    pids,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      if (options.dataDir === undefined) await removeDataFolder(dataDir);
      return code;
    },
    async kill() {
      const all = Object.values(await pids());
      for (const pid of all) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has just ended.
        }
      }
      await ended;
    },
  };
  await waitUntilReady(stack, options.readyTimeoutMs ?? 60_000);
  return stack;
}

async function waitUntilReady(stack: TestStack, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const response = await fetch(`${stack.url}/readyz`).catch(() => null);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    if (stack.process.exitCode !== null || performance.now() > deadline) {
      await stack.stop();
      throw new Error(`The stack did not become ready:\n${stack.output()}`);
    }
    await sleep(50);
  }
}
