/** No answer that can be used: nothing listens, the connection broke, or what answers is not Tessera. */
export class ConnectionError extends Error {
  readonly url: string;

  constructor(url: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ConnectionError';
    this.url = url;
  }
}

/** The system's name of what went wrong (`ECONNREFUSED`), from however deep a fetch error wraps it. */
export function systemCode(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
    const code = (inner as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string') return code;
  }
  return null;
}
