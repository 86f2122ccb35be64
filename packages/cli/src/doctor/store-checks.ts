import { randomBytes } from 'node:crypto';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Settings } from '@tessera/config';
import { crc32c, openFolderStore } from '@tessera/store';
import { bytesText } from '../format.js';
import { type Finding, Wrong } from './checks.js';

const probeBytes = 1 << 20;

/** The nearest folder on the way up that is there. */
async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  return found !== null || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** Writes, syncs, renames, reads back and compares by checksum, as a tile is written. */
export async function checkStore({ dataDir }: Pick<Settings, 'dataDir'>): Promise<Finding> {
  const folder = await existing(dataDir);
  if (folder !== dataDir) {
    await access(folder, constants.W_OK);
    return { absent: `${dataDir} is not made yet; ${folder} may be written` };
  }
  const store = await openFolderStore(dataDir);
  const key = `check-${randomBytes(8).toString('hex')}`;
  const bytes = randomBytes(probeBytes);
  const started = performance.now();
  try {
    await store.put(key, bytes);
    if (crc32c(await store.get(key)) !== crc32c(bytes))
      throw new Wrong(
        'what was written is read back otherwise',
        'Replace the disk, or check its mount options and memory.',
      );
  } finally {
    await store.delete(key);
  }
  const milliseconds = Math.round(performance.now() - started);
  return `${dataDir}: ${bytesText(probeBytes)} written, synced, renamed and read back by checksum in ${milliseconds} ms`;
}

/** New work would not be paused. */
export async function checkDisk({
  dataDir,
  minFreeBytes,
}: Pick<Settings, 'dataDir' | 'minFreeBytes'>): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existing(dataDir));
  const free = bavail * bsize;
  if (free < minFreeBytes)
    throw new Error(`${bytesText(free)} free: new work waits below ${bytesText(minFreeBytes)}`);
  return `${bytesText(free)} free`;
}
