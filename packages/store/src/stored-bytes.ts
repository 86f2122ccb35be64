import { experimentKeys } from './experiment-layout.js';
import type { TileStore } from './tile-store.js';

/** Bytes of an experiment's files: arrays, and what its waves left for one another. Hard links count each. */
export async function storedBytes(
  store: TileStore,
  id: string,
  parts: 'all' | 'temporary' = 'all',
): Promise<number> {
  const { root, temporary } = experimentKeys(id);
  let bytes = 0;
  for (const prefix of parts === 'all' ? [root, temporary] : [temporary]) {
    for await (const stored of store.list(prefix)) bytes += stored.bytes;
  }
  return bytes;
}

/** Deletes what the waves of an experiment left for one another. */
export async function deleteTemporary(store: TileStore, id: string): Promise<void> {
  await store.deletePrefix(experimentKeys(id).temporary);
}
