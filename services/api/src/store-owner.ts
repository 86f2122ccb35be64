import { type Database, instanceId } from '@tessera/database';
import { TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';

/** Names the database whose experiments the store holds. */
const ownerKey = 'owner.json';

/**
 * The id of the database that a store belongs to: the first whose API looked. A database that was made anew, or another
 * installation's on the same store, is not it: to a sweep every experiment would be an orphan.
 * @returns null where it is this one
 */
export async function otherOwner(db: Database, store: TileStore): Promise<string | null> {
  const own = await instanceId(db);
  const bytes = Buffer.from(`${JSON.stringify({ database: own })}\n`);
  try {
    await store.put(ownerKey, bytes, { once: true });
    return null;
  } catch (error) {
    // `once`: it is there already, and says another.
    if (!(error instanceof TesseraError) || error.code !== 'internal') throw error;
  }
  const { database } = JSON.parse((await store.get(ownerKey)).toString()) as { database: string };
  return database === own ? null : database;
}
