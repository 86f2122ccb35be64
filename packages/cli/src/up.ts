/** `tessera up`: a stack in the foreground, until Ctrl-C. */
import { isAbsolute, resolve } from 'node:path';
import { ConfigError, loadSettings, type Settings } from '@tessera/config';
import { DataFolderInUse } from '@tessera/embedded';
import type { UpOptions } from './commands/up.js';
import { UsageError } from './error-report.js';
import { type ExitCode, exitCodes } from './exit-code.js';
import { runMainJob } from './main-job.js';
import { Session } from './session.js';
import { type Stack, StackError, startStack } from './stack.js';

/** A terminal's Ctrl-C may come twice, once of them through npm: only a later one means impatience. */
const sameKeystrokeMs = 1000;

/**
 * Starts the stack, runs the main job where that was asked for, and serves until a signal.
 *
 * @returns 0 after a signal; with `once`, 0 where the main job completed, 1 where it did not
 */
export async function up(session: Session, options: UpOptions): Promise<ExitCode> {
  const settings = settingsOf(options);
  const abort = new AbortController();
  const isInterrupted = stopOnSignals(abort);
  const say = (line: string) => session.write(line);
  let stack: Stack;
  try {
    stack = await startStack({ settings, env: process.env, say, signal: abort.signal });
  } catch (error) {
    if (abort.signal.aborted) return exitCodes.fine;
    if (!(error instanceof StackError || error instanceof DataFolderInUse)) throw error;
    session.streams.stderr.write(`${error.message}\n`);
    return exitCodes.failed;
  }
  let exitCode: ExitCode = exitCodes.fine;
  let hasGivenUp = false;
  void stack.hopeless.then((reason) => {
    hasGivenUp = true;
    session.streams.stderr.write(`${reason.message}\n`);
    abort.abort();
  });
  try {
    say(`Data: ${settings.dataDir} (logs in ${settings.dataDir}/logs)`);
    if (settings.store.kind === 's3') say(`Store: s3://${settings.store.bucket}/${settings.store.prefix}`);
    if (options.mainJob && !abort.signal.aborted) {
      const served = new Session(stack.url, false, session.streams, settings.key);
      const isComplete = await runMainJob(served, {
        synthetic: options.synthetic === true,
        signal: abort.signal,
      });
      if (!isComplete) exitCode = isInterrupted() ? exitCodes.interrupted : exitCodes.failed;
      if (!abort.signal.aborted) say(`Data: ${settings.dataDir}\nDashboard: ${stack.url}`);
    }
    if (!options.once && !abort.signal.aborted) {
      say('Serving; Ctrl-C stops everything.');
      await new Promise<void>((done) => abort.signal.addEventListener('abort', () => done()));
    }
  } finally {
    say('Stopping ...');
    await stack.stop();
    say('Stopped.');
  }
  if (hasGivenUp) return exitCodes.failed;
  return options.once ? exitCode : exitCodes.fine;
}

function settingsOf({ port, dataDir, workers }: UpOptions): Settings {
  const given = {
    ...(port === undefined ? {} : { TESSERA_PORT: port }),
    ...(workers === undefined ? {} : { TESSERA_WORKERS: workers }),
    ...(dataDir === undefined ? {} : { TESSERA_DATA_DIR: isAbsolute(dataDir) ? dataDir : resolve(dataDir) }),
  };
  try {
    return loadSettings({ ...process.env, ...given }).settings;
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, error);
    throw error;
  }
}

/** Aborts on the first signal; a second Ctrl-C ends this process at once, and its children with it. */
function stopOnSignals(abort: AbortController): () => boolean {
  let interruptedAt: number | null = null;
  const onSignal = (): void => {
    const now = performance.now();
    if (interruptedAt === null) {
      interruptedAt = now;
      abort.abort();
    } else if (now - interruptedAt > sameKeystrokeMs) process.exit(exitCodes.interrupted);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return () => interruptedAt !== null;
}
