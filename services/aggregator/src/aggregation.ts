import type { Database } from '@tessera/database';
import type { Linalg } from '@tessera/linalg';
import type { TileStore } from '@tessera/store';

/** What an aggregator works with. */
export interface Aggregation {
  db: Database;
  store: TileStore;
  linalg: Linalg;
}
