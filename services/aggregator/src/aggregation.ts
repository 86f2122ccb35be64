import type { Database } from '@tessera/database';
import type { FairBudget, Linalg } from '@tessera/linalg';
import type { TileStore } from '@tessera/store';
import type { MatrixMemory } from './matrix-memory.js';
import type { MemoryBudget } from './memory-budget.js';

/** What an aggregator works with. */
export interface Aggregation {
  db: Database;
  store: TileStore;
  linalg: Linalg;
  memory: MemoryBudget;
  matrices: MatrixMemory;
  /** One for each core: analyses at once, of all batches in hand. */
  turns: FairBudget;
}
