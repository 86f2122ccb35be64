import type { Settings } from '@tessera/config';
import type { Database } from '@tessera/database';
import type { TileStore } from '@tessera/store';
import type { Logger, Metrics, Tracing } from '@tessera/telemetry';

/** What the REST service is built from. */
export interface AppContext {
  db: Database;
  /** For LISTEN, which needs a connection of its own. */
  databaseUrl: string;
  store: TileStore;
  /** Rejects when the queue does not answer. */
  queuePing: () => Promise<void>;
  /** Deliveries by queue. */
  queueDepths: () => Promise<Record<string, { waiting: number; active: number }>>;
  settings: Settings;
  logger: Logger;
  metrics: Metrics;
  /** Null where traces are off. */
  tracing?: Tracing | null;
  version: string;
}
