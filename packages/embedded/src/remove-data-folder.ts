import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { elsewhere } from './cluster.js';

/** Deletes a data folder that no stack holds, and its cluster where that had to lie elsewhere. */
export async function removeDataFolder(path: string): Promise<void> {
  const text = await readFile(join(path, 'postgres.json'), 'utf8').catch(() => null);
  const folder = text === null ? null : (JSON.parse(text) as { folder: string }).folder;
  if (folder?.startsWith(`${elsewhere}/`)) await rm(dirname(folder), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}
