import type { TaskResult } from '@tessera/database';
import type { Engine } from '@tessera/engine';
import type { CoreBudget, Linalg } from '@tessera/linalg';
import type { TileStore } from '@tessera/store';

/** What a worker computes with. */
export interface Computation {
  engine: Engine;
  linalg: Linalg;
  cores: CoreBudget;
  store: TileStore;
}

/** What a computed task leaves. */
export type Computed = Pick<TaskResult, 'pieces' | 'bytes' | 'result'>;
