import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { ConfigError } from './config-error.js';
import { parseChoice, parseInteger, parseNetworks, parseOrigins, parseUrl } from './parse-value.js';
import { parseRedis } from './redis-location.js';
import { parseStore, type StoreLocation } from './store-location.js';
import { unknownNames } from './unknown-names.js';
import type { VariableName } from './variables.js';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
export const engineChoices = ['auto', 'native', 'opencl', 'tfjs'] as const;
export type EngineChoice = (typeof engineChoices)[number];
export const authChoices = ['auto', 'required'] as const;
export type AuthChoice = (typeof authChoices)[number];
const booleans = ['true', 'false'] as const;

/** All settings of a process; absence is null. Folders are absolute. */
export interface Settings {
  /** Null: the embedded Postgres of the data folder (`tessera up` only). */
  readonly databaseUrl: string | null;
  /** As `parseRedis` takes it. Null: deliveries go through Postgres. */
  readonly redisUrl: string | null;
  /** Certificates (PEM) that sign the one of a Redis with TLS; null: those of the system. */
  readonly redisCaFile: string | null;
  readonly dataDir: string;
  /** Where tiles, results and data sets are kept. */
  readonly store: StoreLocation;
  readonly host: string;
  readonly port: number;
  /** `auto`: keys are asked for unless the API listens on a loopback address. */
  readonly auth: AuthChoice;
  /** A file with the text of the first key, of an admin of every project. */
  readonly firstKeyFile: string | null;
  /** Proxies whose X-Forwarded-For and -Proto are believed: addresses or networks. */
  readonly trustProxy: readonly string[];
  /** Origins whose pages may read answers; none: only the API's own. */
  readonly corsOrigins: readonly string[];
  /** Requests a minute of one key, or without a key of one address; 0: no limit. */
  readonly rateLimit: number;
  /** Open event streams of one process; one key may have half of them. */
  readonly eventStreams: number;
  /** What a project may hold that has no limit of its own; null: as much as it likes. */
  readonly projectLimits: {
    readonly runningTiles: number | null;
    readonly storedBytes: number | null;
    readonly experiments: number | null;
  };
  /** Worker processes of `tessera up`; null: as many as suit the cores. */
  readonly workers: number | null;
  readonly engine: EngineChoice;
  /** What the engine computes on; null: the best there is. */
  readonly device: string | null;
  /** Cores one worker or aggregator process may use; null: all of the machine. */
  readonly threads: number | null;
  /** Bytes that an aggregator may hold at once. */
  readonly aggregatorMemory: number;
  readonly cifar10Dir: string | null;
  readonly logLevel: LogLevel;
  /** A task whose worker is silent this long is given to another. */
  readonly leaseMs: number;
  /** How long a stopping process waits for the tasks or requests in hand before it gives them back or cuts them off. */
  readonly graceMs: number;
  /** How long a stopping API goes on serving after `/readyz` has turned to 503. */
  readonly drainMs: number;
  readonly maxUploadBytes: number;
  /** New work waits while the store has less free. */
  readonly minFreeBytes: number;
  /** Where a process serves its metrics to whoever asks; null: nowhere. */
  readonly metricsPort: number | null;
  /** The standard OTEL_* variables ask for traces. */
  readonly isTraced: boolean;
  /** Experiments that ended this many days ago are deleted; null: never. */
  readonly retentionDays: number | null;
  /** Where clients find the API. */
  readonly url: string;
  /** The key that clients show. */
  readonly key: string | null;
  readonly goldensDir: string | null;
  readonly testRedisUrl: string | null;
  readonly testDatabaseUrl: string | null;
  /** The services of tests run in containers, and nowhere else. */
  readonly testContainers: boolean;
  readonly testPython: string | null;
  /** The protocol version a process says it speaks; null: the build's. */
  readonly testProtocol: number | null;
  readonly testChromium: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads every `TESSERA_` variable of `env` (normally `process.env`), once, in a process's `main`.
 * An empty value counts as absent: compose files and Kubernetes pass those.
 *
 * @param workingDir what relative folders are relative to
 * @returns frozen settings, and one sentence for each unknown `TESSERA_` name
 * @throws ConfigError with one line for each bad value: variable, value and what is allowed
 */
export function loadSettings(
  env: Environment,
  workingDir: string = process.cwd(),
): { settings: Settings; warnings: string[] } {
  const problems: string[] = [];
  const read = <T>(name: VariableName, fallback: T, parse: (text: string) => T): T => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') return fallback;
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(`${name}${error.message}`);
      return fallback;
    }
  };
  const folder = (text: string) => resolve(workingDir, text);
  const postgres = (text: string) => parseUrl(text, ['postgres', 'postgresql']);
  const redis = (text: string) => {
    parseRedis(text);
    return text;
  };
  const count = (text: string) => parseInteger(text, 1, 1024);
  const secret = (text: string) => readSecret(folder(text));

  const dataDir = read('TESSERA_DATA_DIR', folder('data'), folder);
  const isPathStyle = read('TESSERA_S3_PATH_STYLE', null, (text) => parseChoice(text, booleans) === 'true');
  const settings: Settings = {
    databaseUrl: withPassword(
      read('TESSERA_DATABASE_URL', null, postgres),
      read('TESSERA_DATABASE_PASSWORD_FILE', null, secret),
    ),
    redisUrl: read('TESSERA_REDIS_URL', null, redis),
    redisCaFile: read('TESSERA_REDIS_CA_FILE', null, folder),
    dataDir,
    store: read('TESSERA_STORE', { kind: 'folder', folder: dataDir }, (text) =>
      parseStore(text, workingDir, env, isPathStyle),
    ),
    host: read('TESSERA_HOST', '127.0.0.1', (text) => text),
    port: read('TESSERA_PORT', 7878, parsePort),
    auth: read('TESSERA_AUTH', 'auto', (text) => parseChoice(text, authChoices)),
    firstKeyFile: read('TESSERA_FIRST_KEY_FILE', null, folder),
    trustProxy: read('TESSERA_TRUST_PROXY', [], parseNetworks),
    corsOrigins: read('TESSERA_CORS_ORIGINS', [], parseOrigins),
    rateLimit: read('TESSERA_RATE_LIMIT', 6000, (text) => parseInteger(text, 0, 10_000_000)),
    eventStreams: read('TESSERA_EVENT_STREAMS', 1024, (text) => parseInteger(text, 1, 65_536)),
    projectLimits: {
      runningTiles: read('TESSERA_PROJECT_RUNNING_TILES', null, (text) => parseInteger(text, 0, 2 ** 31 - 1)),
      storedBytes: read('TESSERA_PROJECT_STORED_BYTES', null, (text) => parseInteger(text, 0, 2 ** 50)),
      experiments: read('TESSERA_PROJECT_EXPERIMENTS', null, (text) => parseInteger(text, 0, 2 ** 31 - 1)),
    },
    workers: read('TESSERA_WORKERS', null, count),
    device: read('TESSERA_DEVICE', null, (text) => text),
    engine: read('TESSERA_ENGINE', 'auto', (text) => parseChoice(text, engineChoices)),
    threads: read('TESSERA_THREADS', null, count),
    aggregatorMemory: read('TESSERA_AGGREGATOR_MEMORY', defaultAggregatorMemory(), (text) =>
      parseInteger(text, 2 ** 20, 2 ** 50),
    ),
    cifar10Dir: read('TESSERA_CIFAR10_DIR', null, folder),
    logLevel: read('TESSERA_LOG_LEVEL', 'info', (text) => parseChoice(text, logLevels)),
    leaseMs: read('TESSERA_LEASE_MS', 30_000, (text) => parseInteger(text, 1000, 3_600_000)),
    graceMs: read('TESSERA_GRACE_MS', 5000, (text) => parseInteger(text, 0, 3_600_000)),
    drainMs: read('TESSERA_DRAIN_MS', 3000, (text) => parseInteger(text, 0, 3_600_000)),
    maxUploadBytes: read('TESSERA_MAX_UPLOAD_BYTES', 2 ** 32, (text) => parseInteger(text, 1, 2 ** 50)),
    minFreeBytes: read('TESSERA_MIN_FREE_BYTES', 2 ** 26, (text) => parseInteger(text, 0, 2 ** 50)),
    retentionDays: read('TESSERA_RETENTION_DAYS', null, (text) => parseInteger(text, 1, 36_500)),
    metricsPort: read('TESSERA_METRICS_PORT', null, parsePort),
    isTraced: asksForTraces(env),
    url: read('TESSERA_URL', 'http://127.0.0.1:7878', (text) => parseUrl(text, ['http', 'https'])),
    key: read('TESSERA_KEY', null, (text) => text),
    goldensDir: read('TESSERA_GOLDENS_DIR', null, folder),
    testRedisUrl: read('TESSERA_TEST_REDIS_URL', null, redis),
    testDatabaseUrl: read('TESSERA_TEST_DATABASE_URL', null, postgres),
    testContainers: read('TESSERA_TEST_CONTAINERS', false, (text) => parseChoice(text, booleans) === 'true'),
    testPython: read('TESSERA_TEST_PYTHON', null, (text) => text),
    testProtocol: read('TESSERA_TEST_PROTOCOL', null, (text) => parseInteger(text, 1, 1_000_000)),
    testChromium: read('TESSERA_TEST_CHROMIUM', null, (text) => text),
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { settings: Object.freeze(settings), warnings: unknownNames(env) };
}

/** The first line of a file that holds nothing else. */
function readSecret(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    throw new ConfigError(`=${file}: cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  throw new ConfigError(`=${file}: the file is empty.`);
}

function withPassword(databaseUrl: string | null, password: string | null): string | null {
  if (databaseUrl === null || password === null) return databaseUrl;
  const url = new URL(databaseUrl);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** As the OpenTelemetry specification has it; without an endpoint or an exporter nothing is sent. */
function asksForTraces(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  return [
    env.OTEL_EXPORTER_OTLP_ENDPOINT,
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    env.OTEL_TRACES_EXPORTER,
  ].some((value) => value !== undefined && value !== '');
}

/** The share of the machine's memory that an aggregator takes where nothing is set. */
const aggregatorShare = 0.6;

/** A share of the memory there is: of the machine, or of the container (cgroup) this process runs in. */
function defaultAggregatorMemory(): number {
  // 0, or a number beyond any machine's, where no limit is set.
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.floor(aggregatorShare * bytes);
}

function parsePort(text: string): number {
  if (/^(tcp|udp):\/\//.test(text)) {
    throw new ConfigError(
      `=${text}: Kubernetes sets this for a service named "tessera". Set enableServiceLinks: false in the pod, or name the service otherwise.`,
    );
  }
  return parseInteger(text, 0, 65_535);
}

/** Whether the API asks for keys: always where others than this machine's users reach it. */
export function needsKeys({ auth, host }: Pick<Settings, 'auth' | 'host'>): boolean {
  return auth === 'required' || !isLoopback(host);
}

/** True of names and addresses that only this machine reaches. */
export const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
