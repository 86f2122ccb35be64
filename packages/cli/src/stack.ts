/** A whole stack on one machine: Postgres, the API, workers and the aggregator, started and stopped in order. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TesseraClient } from '@tessera/client';
import { needsKeys, type Settings } from '@tessera/config';
import { migrate, openDatabase, requireAnyKey } from '@tessera/database';
import {
  type DataFolder,
  type EmbeddedPostgres,
  freePort,
  holdDataFolder,
  type SupervisedProcess,
  startPostgres,
  superviseProcess,
} from '@tessera/embedded';

export interface Stack {
  /** Where the API listens. */
  readonly url: string;
  /** Resolves, with the reason, when a service will not come up; else never. */
  readonly hopeless: Promise<StackError>;
  /** Workers and aggregator, then the API, then Postgres; then the data folder is free. */
  stop(): Promise<void>;
}

export interface StackOptions {
  settings: Settings;
  /** The environment the services inherit. */
  env: NodeJS.ProcessEnv;
  /** One line for people each. */
  say: (line: string) => void;
  /** Aborts a start that is under way. */
  signal: AbortSignal;
}

/** A start that cannot go on, for a reason the user can change. */
export class StackError extends Error {
  override readonly name = 'StackError';
}

const readyTimeoutMs = 180_000;
/** Connections that the embedded Postgres allows: those of the API, the command line and people, and of each process that computes. */
const connectionsFor = (workers: number) => Math.max(200, 64 + 16 * (workers + 1));
/** What a stopping service takes beyond the grace it gives its tasks or requests. */
const closingMs = 12_000;

/**
 * Starts everything and waits until the API is ready.
 *
 * @throws StackError (port taken, a service that does not come up), DataFolderInUse, or what Postgres said;
 *   whatever had been started is stopped then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { settings, say, signal } = options;
  const folder = await holdDataFolder(settings.dataDir);
  let postgres: EmbeddedPostgres | null = null;
  const services: SupervisedProcess[] = [];
  const failed = new AbortController();
  let giveUp: (reason: StackError) => void = () => {};
  const hopeless = new Promise<StackError>((resolve) => {
    giveUp = resolve;
  });
  const stop = async () => {
    const [api, ...computing] = services;
    await Promise.all(computing.map((service) => service.stop()));
    await api?.stop();
    await postgres?.stop();
    await folder.release();
  };
  try {
    const port = await claimPort(settings.host, settings.port);
    // A process a core: each scores its strips in JavaScript between native calls (docs/decisions/0005). A device is one worker's.
    const cores = availableParallelism();
    const workers = settings.workers ?? ((await computesOnDevice(settings)) ? 1 : cores);
    const threads = settings.threads ?? Math.max(1, Math.floor(cores / workers));
    let databaseUrl = settings.databaseUrl;
    if (databaseUrl === null) {
      postgres = await startPostgres({ folder, connections: connectionsFor(workers), log: say });
      databaseUrl = postgres.url;
      say(`Postgres: embedded, in ${join(settings.dataDir, 'postgres')}, port ${postgres.port}`);
    } else say('Postgres: the one of TESSERA_DATABASE_URL');
    signal.throwIfAborted();
    const migrations = await migrate(databaseUrl);
    if (migrations.length > 0) say(`Database: ${migrations.length} migrations applied`);
    if (needsKeys(settings) && settings.firstKeyFile === null)
      await refuseWithoutKeys(databaseUrl, settings.host);
    signal.throwIfAborted();

    const start = (name: string, service: string, serviceThreads: number) => {
      const env = {
        ...inheritedEnvironment(options.env, service, settings.store),
        ...serviceEnvironment(settings, databaseUrl, port, serviceThreads),
      };
      services.push(superviseService(name, service, env, settings, folder, say, giveUp));
    };
    start('api', 'api', threads);
    for (let index = 1; index <= workers; index++) start(`worker-${index}`, 'worker', threads);
    start('aggregator', 'aggregator', settings.threads ?? cores);

    const url = `http://${urlHost(settings.host)}:${port}`;
    await Promise.race([
      untilReady(url, services, AbortSignal.any([signal, failed.signal])),
      hopeless.then((reason) => Promise.reject(reason)),
    ]);
    say(`Dashboard: ${url} (the API, documented at ${url}/docs)`);
    say(`Workers: ${workers} with ${threads} ${threads === 1 ? 'core' : 'cores'} each, and an aggregator`);
    return { url, hopeless, stop };
  } catch (error) {
    failed.abort();
    await stop();
    throw error;
  }
}

/** Whether a worker's engine takes a device that several of them would share. */
async function computesOnDevice({ engine, device }: Settings): Promise<boolean> {
  if (engine !== 'auto') return engine === 'opencl';
  const { findsCard } = await import('@tessera/engine-opencl');
  return findsCard(device);
}

/** Before anything listens; the API itself looks again. */
async function refuseWithoutKeys(databaseUrl: string, host: string): Promise<void> {
  const db = openDatabase(databaseUrl, { connections: 1 });
  try {
    await requireAnyKey(db, host);
  } catch (cause) {
    throw new StackError((cause as Error).message, { cause });
  } finally {
    await db.close();
  }
}

/**
 * What a service needs of the environment this command was typed in. The rest stays here: a shell's variables hold
 * passwords and tokens of other things, and every process of a service's user can read the service's.
 */
function inheritedEnvironment(
  env: NodeJS.ProcessEnv,
  service: string,
  store: Settings['store'],
): NodeJS.ProcessEnv {
  const needed =
    /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|NODE_.*|LD_LIBRARY_PATH|SSL_CERT_.*|OMP_.*|OPENBLAS_.*|OTEL_.*|CUDA_.*|OCL_.*|POCL_.*|TESSERA_.*)$/;
  const elsewhere = new Set(['TESSERA_KEY', ...(service === 'api' ? [] : ['TESSERA_FIRST_KEY_FILE'])]);
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        (needed.test(name) || (store.kind === 's3' && name.startsWith('AWS_'))) &&
        !elsewhere.has(name) &&
        !name.startsWith('TESSERA_TEST_'),
    ),
  );
}

function serviceEnvironment(
  settings: Settings,
  databaseUrl: string,
  port: number,
  threads: number,
): Record<string, string> {
  return {
    TESSERA_DATABASE_URL: databaseUrl,
    TESSERA_DATA_DIR: settings.dataDir,
    TESSERA_HOST: settings.host,
    TESSERA_PORT: String(port),
    TESSERA_THREADS: String(threads),
    // There is one API: nobody to hand over to.
    TESSERA_DRAIN_MS: '0',
    // Read by libuv before JavaScript runs. Native calls each hold one; files need some beside them.
    UV_THREADPOOL_SIZE: String(2 * availableParallelism() + 4),
    // Concurrent small decompositions lose a factor of 50 to OpenBLAS's own threads; linalg raises it for large ones.
    OPENBLAS_NUM_THREADS: '1',
  };
}

/** Workers and aggregators take every core they get: the API, and whatever else a person does on this machine, goes first. */
const computingNiceness = 10;

function superviseService(
  name: string,
  service: string,
  env: NodeJS.ProcessEnv,
  settings: Settings,
  folder: DataFolder,
  say: (line: string) => void,
  giveUp: (reason: StackError) => void,
): SupervisedProcess {
  const logFile = join(folder.logs, `${name}.log`);
  return superviseProcess({
    name,
    main: fileURLToPath(new URL(`../../../services/${service}/dist/main.js`, import.meta.url)),
    env,
    niceness: service === 'api' ? 0 : computingNiceness,
    logFile,
    graceMs: settings.graceMs + closingMs,
    onPid: (pid) => folder.record(name, pid),
    log: say,
    onHopeless() {
      logEnd(logFile).then((end) => giveUp(new StackError(`${name} does not start. ${end}`)), giveUp);
    },
  });
}

/** The port to give the API: the one asked for, or a free one for 0. */
async function claimPort(host: string, port: number): Promise<number> {
  if (port === 0) return freePort();
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.on('error', (error: NodeJS.ErrnoException) =>
      reject(new StackError(portSentence(error, host, port))),
    );
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
  return port;
}

function portSentence(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'EADDRINUSE') {
    return `Port ${port} is in use. Stop what listens there, or choose another with --port (0 takes a free one).`;
  }
  if (error.code === 'EACCES')
    return `Port ${port} is not open to this user. Choose one above 1023 with --port.`;
  return `Nothing can listen on ${host}, port ${port}: ${error.message}. See TESSERA_HOST and --port.`;
}

/** Waits for `/readyz`. */
async function untilReady(
  url: string,
  services: readonly SupervisedProcess[],
  signal: AbortSignal,
): Promise<void> {
  const client = new TesseraClient(url);
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const failure = await client.ready().then(
      () => null,
      (error: Error) => error,
    );
    if (failure === null) break;
    if (performance.now() > deadline) {
      const [api] = services as [SupervisedProcess];
      throw new StackError(
        `The API is not ready after ${readyTimeoutMs / 1000} s: ${failure.message} ${await logEnd(api.logFile)}`,
      );
    }
    await sleep(50, undefined, { signal });
  }
}

async function logEnd(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8');
  return `${logFile} ends with:\n${text.trimEnd().split('\n').slice(-5).join('\n')}`;
}

/** The address to reach a server that listens on every one of them. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
