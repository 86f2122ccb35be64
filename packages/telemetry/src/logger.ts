import { type DestinationStream, type Logger, pino } from 'pino';

import { traceFields } from './tracing.js';

export type { Logger };

export interface LoggerOptions {
  /** Stands in every line: `api`, `worker`, `aggregator`. */
  service: string;
  /** A pino level, or `silent`. */
  level: string;
  /** Defaults to standard output, written at once: the last lines before a crash are the ones wanted. */
  destination?: DestinationStream;
}

/** Where a URL with a password may come along in an error or a field. */
const secretPaths = [
  'password',
  '*.password',
  'connectionString',
  '*.connectionString',
  'databaseUrl',
  'redisUrl',
];

/** A logger that writes one JSON object a line, with `service` and an ISO time. Children carry an experiment's ids; what is traced, its trace's. */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: traceFields,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[secret]' },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
