import type { TaskResult } from '@tessera/database';
import type { Engine } from '@tessera/engine';
import type { CoreBudget } from '@tessera/linalg';
import type { TileStore } from '@tessera/store';
import type { BlockMemory } from './block-memory.js';
import type { KnownPredictors } from './predictors.js';

/** What a worker computes with. */
export interface Computation {
  engine: Engine;
  cores: CoreBudget;
  store: TileStore;
  predictors: KnownPredictors;
  blocks: BlockMemory;
}

/** What a computed task leaves. */
export type Computed = Pick<TaskResult, 'pieces' | 'bytes' | 'result'>;
