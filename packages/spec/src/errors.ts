/** The one registry of error codes. docs/errors.md is checked against it by a test. */

export const errorRegistry = {
  'invalid-spec': { status: 400, title: 'The spec is not valid' },
  'invalid-request': { status: 400, title: 'The request is not valid' },
  'invalid-json': { status: 400, title: 'The body is not valid JSON' },
  'invalid-dataset': { status: 400, title: 'The data set is not valid' },
  'plan-too-large': { status: 400, title: 'The plan exceeds a limit' },
  unauthorized: { status: 401, title: 'A key is needed' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  'quota-exceeded': { status: 403, title: 'A limit of the project is reached' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'unknown-dataset': { status: 400, title: 'There is no such data set' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'body-too-large': { status: 413, title: 'The body exceeds the limit' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'invalid-archive': { status: 400, title: 'The archive is not valid' },
  'experiment-exists': { status: 409, title: 'There is such an experiment already' },
  'illegal-state': { status: 409, title: 'The experiment is in a state that does not allow this' },
  'dataset-exists': { status: 409, title: 'The name holds other bytes' },
  'dataset-reserved': { status: 409, title: 'The name is reserved' },
  'dataset-in-use': { status: 409, title: 'An experiment uses the data set' },
  'idempotency-mismatch': { status: 422, title: 'The idempotency key was used with another body' },
  'not-ready': { status: 409, title: 'The array is not complete yet' },
  'not-kept': { status: 410, title: 'The experiment did not keep this array' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'A service this needs does not answer' },
  internal: { status: 500, title: 'Internal error' },
  // Never sent over HTTP: the causes of failed tasks.
  cancelled: { status: 409, title: 'The work was cancelled' },
  'corrupt-chunk': { status: 500, title: 'Stored bytes do not match their checksum' },
  'engine-failed': { status: 500, title: 'The compute engine failed' },
  'linalg-failed': { status: 500, title: 'A LAPACK routine failed' },
  'worker-lost': { status: 500, title: 'Workers died at the same task again and again' },
  'native-missing': { status: 500, title: 'A native library is missing' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ErrorCode = keyof typeof errorRegistry;

/** One thing wrong with a request: where (JSON pointer, RFC 6901) and what to do about it. */
export interface Problem {
  pointer: string;
  message: string;
}

/** The project's error: a code of the registry, a sentence for people, the problems found. */
export class TesseraError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TesseraError';
    this.code = code;
    this.problems = options.problems ?? [];
  }

  get status(): number {
    return errorRegistry[this.code].status;
  }
}
