import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServiceOptions {
  /** Names it in messages and in the data folder's record. */
  name: string;
  /** The JavaScript file Node runs. */
  main: string;
  env: NodeJS.ProcessEnv;
  /** How far its CPU time gives way to that of others, as nice(1) counts; 0 where left out. */
  niceness?: number;
  /** Standard output and error are appended here. */
  logFile: string;
  /** After SIGTERM, before SIGKILL. */
  graceMs: number;
  /** Called with the pid of each start, and with null after each end. */
  onPid: (pid: number | null) => void;
  /** One line for people each. */
  log: (line: string) => void;
  /** Called once when it has never run for long and keeps ending: it will not come up. */
  onHopeless?: () => void;
}

export interface SupervisedProcess {
  readonly name: string;
  readonly logFile: string;
  pid(): number | null;
  /** How often it has ended by itself. */
  failures(): number;
  /** SIGTERM, then SIGKILL after the grace; resolves when it is gone. */
  stop(): Promise<void>;
}

const firstWaitMs = 250;
const longestWaitMs = 30_000;
/** One that has run this long is healthy: its next end is waited out like a first one. */
const healthyMs = 60_000;
/** One that has never run this long, and has ended this often, is hopeless. */
const startedMs = 10_000;
const hopelessFailures = 4;
/** A log file that has grown past this at a start is put aside as FILE.1. */
const logBytes = 64 * 2 ** 20;

/**
 * Runs a service and starts it again, after a growing wait, whenever it ends by itself. It runs in a session of
 * its own, so that Ctrl-C reaches only the supervisor, which stops services in order; it has an IPC channel,
 * and ends itself when that closes because the supervisor died.
 */
export function superviseProcess(options: ServiceOptions): SupervisedProcess {
  const { name, main, env, logFile, graceMs, onPid, log } = options;
  const stopping = new AbortController();
  let child: ChildProcess | null = null;
  let failures = 0;

  const runOnce = (): Promise<string> =>
    new Promise((resolve) => {
      const fd = openLog(logFile);
      const started = spawn(process.execPath, ['--enable-source-maps', main], {
        env,
        stdio: ['ignore', fd, fd, 'ipc'],
        detached: true,
      });
      closeSync(fd);
      child = started;
      if (options.niceness && started.pid) giveWay(started.pid, options.niceness);
      started.on('error', (error) => {
        child = null;
        resolve(error.message);
      });
      started.on('spawn', () => onPid(started.pid as number));
      started.on('exit', (code, signal) => {
        child = null;
        onPid(null);
        resolve(signal ?? `exit code ${code}`);
      });
    });

  const run = async () => {
    let waitMs = firstWaitMs;
    let hasStarted = false;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const end = await runOnce();
      if (stopping.signal.aborted) return;
      failures++;
      const ranMs = performance.now() - startedAt;
      hasStarted ||= ranMs > startedMs;
      if (!hasStarted && failures === hopelessFailures) options.onHopeless?.();
      if (ranMs > healthyMs) waitMs = firstWaitMs;
      log(`${name} ended (${end}) and is started again; its log is ${logFile}.`);
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => {});
      waitMs = Math.min(2 * waitMs, longestWaitMs);
    }
  };
  const running = run();

  return {
    name,
    logFile,
    pid: () => child?.pid ?? null,
    failures: () => failures,
    async stop() {
      stopping.abort();
      child?.kill('SIGTERM');
      const patience = setTimeout(() => {
        log(`${name} did not stop within ${graceMs} ms and is killed.`);
        child?.kill('SIGKILL');
      }, graceMs);
      await running;
      clearTimeout(patience);
    },
  };
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > logBytes) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/**
 * Lets a process that has just been started, and the threads it will start, give way to others. Where Linux groups processes
 * by session for its scheduler (autogroup), niceness counts within a group only, and the group has one of its own.
 */
function giveWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    return; // It has ended already, which its exit tells.
  }
  if (process.platform === 'linux') writeFile(`/proc/${pid}/autogroup`, String(niceness)).catch(() => {});
}
