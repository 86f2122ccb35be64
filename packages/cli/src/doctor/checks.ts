/** The checks of `tessera doctor`, each alone: one that fails keeps none of the others from running. */
import { readFile } from 'node:fs/promises';
import type { TesseraClient } from '@tessera/client';
import type { Settings } from '@tessera/config';
import { runningPostgres } from '@tessera/embedded';
import { checkLinalg, checkNative } from './engine-checks.js';
import { checkDatabase, checkQueue } from './service-checks.js';
import { checkDisk, checkStore } from './store-checks.js';

export interface CheckResult {
  name: string;
  /** `absent`: it is not there, and need not be. */
  state: 'fine' | 'absent' | 'wrong';
  found: string;
  /** What to do; null where nothing is wrong. */
  fix: string | null;
}

/** What a check found; it throws `Wrong` where something is wrong. */
export type Finding = string | { absent: string };

/** Something is wrong, and how to fix it. */
export class Wrong extends Error {
  readonly fix: string;

  constructor(found: string, fix: string) {
    super(found);
    this.fix = fix;
  }
}

/** A check that has not answered by then is wrong. */
const patienceMs = 30_000;

/** Runs every check, and gives their results in a fixed order. */
export async function runChecks(settings: Settings, client: TesseraClient): Promise<CheckResult[]> {
  const databaseUrl = settings.databaseUrl ?? (await runningPostgres(settings.dataDir).catch(() => null));
  const checks: [name: string, check: () => Promise<Finding>, fix: string][] = [
    ['node', checkNode, 'Install Node 20.19 or later.'],
    ['api', () => checkApi(client), 'Read its log, and what /readyz names.'],
    ['database', () => checkDatabase(databaseUrl), 'Check TESSERA_DATABASE_URL, and that Postgres is up.'],
    ['queue', () => checkQueue(settings, databaseUrl), 'Check TESSERA_REDIS_URL, and that Redis is up.'],
    [
      'store',
      () => checkStore(settings),
      settings.store.kind === 's3'
        ? 'Check TESSERA_STORE and the AWS_ variables: docs/storage.md.'
        : 'Check TESSERA_STORE or TESSERA_DATA_DIR: that it is mounted and may be written.',
    ],
    ['disk', () => checkDisk(settings), 'Make room: tessera gc --older-than 30d --dry-run.'],
    ['engine', checkNative, 'Build it: npm run build.'],
    ['linalg', checkLinalg, 'Install OpenBLAS: apt-get install libopenblas0-pthread.'],
  ];
  return Promise.all(checks.map(([name, check, fix]) => resultOf(name, check, fix)));
}

async function resultOf(name: string, check: () => Promise<Finding>, usualFix: string): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs);
  });
  try {
    const found = await Promise.race([check(), late]);
    return typeof found === 'string'
      ? { name, state: 'fine', found, fix: null }
      : { name, state: 'absent', found: found.absent, fix: null };
  } catch (error) {
    const found = sentence(error);
    return { name, state: 'wrong', found, fix: error instanceof Wrong ? error.fix : usualFix };
  } finally {
    clearTimeout(timer);
  }
}

/** One line; libraries put what matters into `errors` (node:net, for several addresses) or `cause`. */
function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors : error.cause ? [error.cause] : [];
  const own = error.message.trim().replace(/\s*\n\s*/g, ' ');
  return [own, ...inner.map(sentence)].filter((text) => text !== '').join(' ');
}

async function checkNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isRecent = major > 20 || (major === 20 && minor >= 19);
  if (!isRecent) throw new Error(`Node ${process.versions.node} is older than 20.19.`);
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

async function checkApi(client: TesseraClient): Promise<Finding> {
  const health = await fetch(`${client.url}/healthz`).catch(() => null);
  if (health === null) return { absent: `nothing listens at ${client.url}` };
  const { version } = (await health.json().catch(() => ({}))) as { version?: string };
  if (version === undefined)
    throw new Wrong(`what listens at ${client.url} is no Tessera`, 'Name the API with --url or TESSERA_URL.');
  await client.ready();
  const own = await ownVersion();
  return `${client.url} is ready, version ${version}${version === own ? '' : `, and this command is of version ${own}`}`;
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
