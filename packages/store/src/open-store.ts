import { endianness } from 'node:os';
import type { StoreLocation } from '@tessera/config';
import { TesseraError } from '@tessera/spec';
import { openFolderStore } from './folder-store.js';
import type { TileStore } from './tile-store.js';

/**
 * Opens the tile store where the settings say. Stored numbers are little endian and are read in place, so a big-endian
 * machine is refused.
 * @throws TesseraError unavailable, also where the folder cannot be made or the bucket is not there or not open to us
 */
export async function openStore(location: StoreLocation): Promise<TileStore> {
  if (endianness() !== 'LE') {
    throw new TesseraError('unavailable', 'The tile store needs a little-endian machine.');
  }
  if (location.kind === 'folder') return openFolderStore(location.folder);
  // 140 ms to import: only where it is used.
  const { openS3Store } = await import('./s3-store.js');
  return openS3Store(location);
}
