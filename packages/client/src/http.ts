/** One HTTP exchange with the API; the one place where answers become errors. */
import { type ErrorCode, errorRegistry, type Problem, TesseraError } from '@tessera/spec';
import { ConnectionError, systemCode } from './connection-error.js';

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** A server and the key it is shown, where it asks for one. */
export interface Server {
  /** Without a slash at its end. */
  url: string;
  key: string | null;
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  query?: Query;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it comes. */
  body?: ReadableStream<Uint8Array> | Blob | Uint8Array<ArrayBuffer>;
  signal?: AbortSignal | undefined;
}

/** The base address of an API, without a slash at its end. @throws TypeError where it is no http(s) URL */
export function baseUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new TypeError(`${url} is not the address of a server; write one such as http://127.0.0.1:7878.`);
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '');
}

/**
 * Sends a request and returns a response of status 2xx, its body unread.
 *
 * @throws TesseraError what the API answered, with its code and problems
 * @throws ConnectionError where no API answered
 */
export async function send(server: Server, path: string, options: RequestOptions = {}): Promise<Response> {
  const { url: base, key } = server;
  const url = `${base}${path}${queryText(options.query)}`;
  const headers: Record<string, string> = { ...options.headers };
  if (key !== null) headers.authorization = `Bearer ${key}`;
  if (options.json !== undefined) headers['content-type'] = 'application/json';
  const init: RequestInit & { duplex?: 'half' } = { method: options.method ?? 'GET', headers };
  if (options.signal) init.signal = options.signal;
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  if (body !== undefined) init.body = body;
  if (body instanceof ReadableStream) init.duplex = 'half';
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw noAnswer(base, error);
  }
  if (!response.ok) throw await failureOf(base, response);
  return response;
}

/** Sends a request and reads a JSON answer. */
export async function sendForJson<T>(server: Server, path: string, options: RequestOptions = {}): Promise<T> {
  const base = server.url;
  const response = await send(server, path, options);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ConnectionError(base, `The answer of ${base}${path} broke off or is not JSON.`, error);
  }
}

export function noAnswer(base: string, error: unknown): ConnectionError {
  const code = systemCode(error);
  const reason =
    code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? String((error as Error).message));
  return new ConnectionError(base, `No Tessera server answers at ${base} (${reason}).`, error);
}

function queryText(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) parameters.set(key, String(value));
  return parameters.size === 0 ? '' : `?${parameters}`;
}

async function failureOf(base: string, response: Response): Promise<Error> {
  const text = await response.text().catch(() => '');
  const body = parseJson(text);
  const code = body?.code;
  if (typeof code !== 'string' || !Object.hasOwn(errorRegistry, code)) {
    const message = `${base} answered ${response.status} ${response.statusText}, not as a Tessera server does.`;
    return new ConnectionError(base, message);
  }
  const detail = typeof body?.detail === 'string' ? body.detail : errorRegistry[code as ErrorCode].title;
  const problems = Array.isArray(body?.errors) ? (body.errors as Problem[]) : [];
  return new TesseraError(code as ErrorCode, detail, { problems });
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // a proxy's page, or nothing: told apart by the missing code
  }
}
