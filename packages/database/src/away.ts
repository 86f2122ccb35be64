/** Codes of Postgres, Prisma and the system that say "the database does not answer now". */
const codes = new Set([
  // Node: refused, cut off, timed out, no such host.
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  // Postgres: too many connections, shutting down, crashed, starting up, idle for too long.
  '53300',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  // Prisma: cannot reach it, timed out, closed, no connection in time.
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
]);

/** What pg says without a code. */
const messages =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|Client was closed)/;

/**
 * Whether an error, or one that it wraps, says that the database does not answer: then the same work may be done again
 * later, and nothing is wrong with it.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, cause, errors, meta } = error as Record<string, unknown>;
  if (typeof code === 'string' && (codes.has(code) || code.startsWith('08'))) return true;
  if (typeof message === 'string' && messages.test(message)) return true;
  const wrapped = (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError;
  return [cause, wrapped, ...(Array.isArray(errors) ? errors : [])].some(isDatabaseAway);
}
