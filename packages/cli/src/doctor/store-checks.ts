import { randomBytes } from 'node:crypto';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Settings } from '@tessera/config';
import { crc32c, openStore } from '@tessera/store';
import { bytesText } from '../format.js';
import { type Finding, Wrong } from './checks.js';

const probeBytes = 1 << 20;

/** The nearest folder on the way up that is there. */
async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  return found !== null || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** Writes as a tile is written, reads back and compares by checksum. */
export async function checkStore({ store: location }: Pick<Settings, 'store'>): Promise<Finding> {
  if (location.kind === 'folder') {
    const folder = await existing(location.folder);
    if (folder !== location.folder) {
      await access(folder, constants.W_OK);
      return { absent: `${location.folder} is not made yet; ${folder} may be written` };
    }
  }
  const store = await openStore(location);
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
  return `${store.place}: ${bytesText(probeBytes)} written durably and read back by checksum in ${milliseconds} ms`;
}

/** New work would not be paused. */
export async function checkDisk({
  store,
  minFreeBytes,
}: Pick<Settings, 'store' | 'minFreeBytes'>): Promise<Finding> {
  if (store.kind === 's3') return { absent: 'a bucket has no end' };
  const { bavail, bsize } = await statfs(await existing(store.folder));
  const free = bavail * bsize;
  if (free < minFreeBytes)
    throw new Error(`${bytesText(free)} free: new work waits below ${bytesText(minFreeBytes)}`);
  return `${bytesText(free)} free`;
}
