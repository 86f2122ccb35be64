import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Door } from '@tessera/testkit';

export type Role = 'api' | 'worker' | 'aggregator';

/** What the hook in the process does (process-hook.mjs). */
interface Control {
  clockMs: number;
  writeError: 'EIO' | 'ENOSPC' | null;
}

export interface ServiceOptions {
  name: string;
  role: Role;
  folder: string;
  env: Record<string, string>;
  /** The network between it and Postgres, and Redis where there is one. */
  database: Door;
  queue: Door | null;
}

const restartMs = 200;
const hook = new URL('process-hook.mjs', import.meta.url);

/** A service that is started again whenever it ends, as a cluster does it. */
export class ServiceProcess {
  readonly name: string;
  readonly role: Role;
  readonly database: Door;
  readonly queue: Door | null;
  readonly logFile: string;
  /** Ends that nobody asked for, by exit code or signal. */
  readonly ends: string[] = [];
  readonly #options: ServiceOptions;
  readonly #controlFile: string;
  #control: Control = { clockMs: 0, writeError: null };
  #child: ChildProcess | null = null;
  #isKilled = false;
  #isClosing = false;
  #running: Promise<void>;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.name = options.name;
    this.role = options.role;
    this.database = options.database;
    this.queue = options.queue;
    this.logFile = join(options.folder, `${options.name}.log`);
    this.#controlFile = join(options.folder, `${options.name}.control.json`);
    this.set({});
    this.#running = this.#run();
  }

  /** Moves its clock, makes its writes fail, or no longer. */
  set(control: Partial<Control>): void {
    this.#control = { ...this.#control, ...control };
    writeFileSync(this.#controlFile, JSON.stringify(this.#control));
  }

  kill(): void {
    this.#isKilled = true;
    this.#signal('SIGKILL');
  }

  /** Stops it where it stands, for a time; one that is killed meanwhile is not waited for. */
  async freeze(ms: number): Promise<void> {
    const pid = this.#child?.pid;
    this.#signal('SIGSTOP');
    await sleep(ms);
    if (this.#child?.pid === pid) this.#signal('SIGCONT');
  }

  /** SIGTERM, as an operator stops it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#signal('SIGCONT');
    this.#signal('SIGTERM');
    const patience = setTimeout(() => this.#signal('SIGKILL'), 15_000);
    await this.#running;
    clearTimeout(patience);
    this.database.close();
    this.queue?.close();
  }

  #signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      const end = await this.#runOnce();
      if (!this.#isKilled && !this.#isClosing) this.ends.push(end);
      this.#isKilled = false;
      if (!this.#isClosing) await sleep(restartMs);
    }
  }

  #runOnce(): Promise<string> {
    const { role, env } = this.#options;
    const main = fileURLToPath(new URL(`../../services/${role}/dist/main.js`, import.meta.url));
    const log = openSync(this.logFile, 'a');
    const hooked = new URL(hook);
    hooked.searchParams.set('control', this.#controlFile);
    const child = spawn(process.execPath, ['--enable-source-maps', '--import', hooked.href, main], {
      env: { ...process.env, ...env },
      // With the channel it ends when this process does.
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    return new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', (code, signal) => {
        this.#child = null;
        resolve(signal ?? `exit code ${code}`);
      });
    });
  }
}
