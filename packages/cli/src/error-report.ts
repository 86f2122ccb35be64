/** From an error to its exit code and the text for people. The one place that decides either. */
import { ConnectionError } from '@tessera/client';
import { errorRegistry, TesseraError } from '@tessera/spec';
import { type ExitCode, exitCodes } from './exit-code.js';

/** A mistake in the command itself: a missing file, an option that does not parse. */
export class UsageError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'UsageError';
  }
}

/** 2 where the request was at fault, 3 where no server could take it, 1 for faults of the server. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ConnectionError) return exitCodes.noServer;
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof TesseraError) {
    if (error.code === 'unavailable') return exitCodes.noServer;
    return errorRegistry[error.code].status < 500 ? exitCodes.usage : exitCodes.failed;
  }
  return exitCodes.failed;
}

/** The error in plain lines: what happened, every problem with its pointer, what to do next. */
export function errorText(error: unknown): string {
  if (error instanceof ConnectionError) {
    return `${error.message}\nStart one with "npx --no tessera up", or name another with --url.`;
  }
  if (error instanceof TesseraError && error.code === 'unauthorized')
    return `${error.message}\nPut a key into TESSERA_KEY; an admin makes one with: tessera key create`;
  if (!(error instanceof TesseraError)) return error instanceof Error ? error.message : String(error);
  const width = Math.max(0, ...error.problems.map(({ pointer }) => Math.min(40, shown(pointer).length)));
  const problems = error.problems.map(
    ({ pointer, message }) => `  ${shown(pointer).padEnd(width)}  ${message}`,
  );
  return [error.message, ...problems].join('\n');
}

/** The error for programs: what the API's problem details say. */
export function errorJson(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TesseraError) return { code: error.code, detail: message, errors: error.problems };
  return { code: error instanceof ConnectionError ? 'no-server' : 'usage', detail: message, errors: [] };
}

const controlCharacters = /\p{Cc}/gu;
const shown = (pointer: string) => (pointer === '' ? '(body)' : pointer.replace(controlCharacters, '?'));
