/** Deletes what no experiment owns: invariant "no orphan file outlives the sweep". */
import { experimentKeys } from './experiment-layout.js';
import type { TileStore } from './tile-store.js';

/** Which experiments there are, as the database says. */
export interface KnownExperiments {
  /** Every experiment. */
  known: ReadonlySet<string>;
  /** Those that need no temporary pieces any more. A failed one may be retried and needs its own. */
  finished: ReadonlySet<string>;
  /** Addresses of the contents that a data set's name or an experiment stands for. */
  contents: ReadonlySet<string>;
}

/** Folders that were deleted, and those that the storage refused to delete. */
export interface Swept {
  deleted: string[];
  refused: { folder: string; error: unknown }[];
}

/** A write that has not ended after an hour never will. */
const abandonedAfterMs = 3_600_000;

/**
 * Deletes the folders of unknown experiments, the temporary ones of finished experiments, contents of no data set, and
 * abandoned writes. `readExperiments` is called after the store is listed: an experiment's row comes before its folder, so
 * one made meanwhile is either not listed or known. What cannot be deleted keeps nothing else from it.
 * @param alone runs the deletion of folders, not the long walk for abandoned writes; it keeps out what writes files before
 *   their rows, imports and restores
 */
export async function sweepOrphans(
  store: TileStore,
  readExperiments: () => Promise<KnownExperiments>,
  alone: (work: () => Promise<Swept>) => Promise<Swept> = (work) => work(),
): Promise<Swept & { abandonedWrites: number }> {
  const swept = await alone(() => deleteOrphans(store, readExperiments));
  return { ...swept, abandonedWrites: await store.deleteAbandonedWrites(abandonedAfterMs) };
}

async function deleteOrphans(
  store: TileStore,
  readExperiments: () => Promise<KnownExperiments>,
): Promise<Swept> {
  const names = await store.listChildren('experiments');
  const addresses = await store.listChildren('datasets');
  const { known, finished, contents } = await readExperiments();
  const orphans = names.filter((name) => {
    const match = /^(.+)\.(zarr|tmp)$/.exec(name);
    if (match === null) return true;
    const [, id = '', kind] = match;
    return !known.has(id) || (kind === 'tmp' && finished.has(id));
  });
  const unused = addresses.filter((sha256) => !contents.has(sha256));
  const swept: Swept = { deleted: [], refused: [] };
  const folders = [
    ...orphans.map((name) => `experiments/${name}`),
    ...unused.map((sha256) => `datasets/${sha256}`),
  ];
  for (const folder of folders) {
    await deleteFolder(store, folder).then(
      () => swept.deleted.push(folder),
      (error: unknown) => swept.refused.push({ folder, error }),
    );
  }
  return swept;
}

/** An experiment's group is not complete from the moment on that it is being deleted. */
async function deleteFolder(store: TileStore, folder: string): Promise<void> {
  const group = /^experiments\/(.+)\.zarr$/.exec(folder);
  if (group) await store.delete(experimentKeys(group[1] as string).complete);
  await store.deletePrefix(folder);
}
