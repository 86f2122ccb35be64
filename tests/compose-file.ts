import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const repository = fileURLToPath(new URL('../', import.meta.url));

export function readText(path: string): Promise<string> {
  return readFile(`${repository}${path}`, 'utf8');
}

type Values = Readonly<Record<string, string>>;

export interface ComposeService {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  networks: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  restart: string;
  stop_grace_period?: string;
  user?: string;
  read_only?: boolean;
  container_name?: string;
  profiles?: string[];
  secrets?: string[];
  deploy?: {
    replicas?: string;
    resources?: { reservations: { devices: { driver: string; count: number; capabilities: string[] }[] } };
  };
}

export interface ComposeFile {
  name: string;
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
}

/** docker-compose.yml as Docker Compose reads it where the .env file holds `values`. */
export async function readCompose(values: Values): Promise<ComposeFile> {
  const raw: unknown = parse(await readText('docker-compose.yml'), {
    merge: true,
    strict: true,
    uniqueKeys: true,
  });
  return interpolate(raw, values) as ComposeFile;
}

function interpolate(node: unknown, values: Values): unknown {
  if (typeof node === 'string') return interpolateText(node, values);
  if (Array.isArray(node)) return node.map((item) => interpolate(item, values));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, interpolate(value, values)]));
}

/** A reference to a variable: name, operator and what follows it. */
export const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:[-?+])([^}]*))?\}/g;

/**
 * The compose specification's `${NAME}`, `${NAME:-default}`, `${NAME:+replacement}` and `${NAME:?message}`.
 * @throws Error for a required variable that is absent, and for any other `$`
 */
export function interpolateText(text: string, values: Values): string {
  const rest = text.replaceAll(reference, '');
  if (rest.includes('$')) throw new Error(`"${text}" holds a $ that is no variable this test knows.`);
  return text.replaceAll(reference, (_, name: string, operator: string | undefined, operand = '') => {
    const value = values[name] ?? '';
    if (operator === ':-') return value === '' ? operand : value;
    if (operator === ':+') return value === '' ? '' : operand;
    if (operator === ':?' && value === '') throw new Error(`${name}: ${operand}`);
    return value;
  });
}

/** Name=value lines of an env file. */
export function readEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.split('=', 1)[0] as string, line.slice(line.indexOf('=') + 1)]),
  );
}

/** Milliseconds of a compose duration such as `45s` or `1m30s`. */
export function milliseconds(duration: string): number {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...duration.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== duration)
    throw new Error(`${duration} is not a duration.`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0);
}
