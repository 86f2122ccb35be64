/** A folder and a store that a test has for itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore, type TileStore } from '@tessera/store';
import { onTestFinished } from 'vitest';

export interface Scratch {
  folder: string;
  store: TileStore;
  /** Writes a file into the folder; returns its path. */
  file(name: string, bytes: Uint8Array): Promise<string>;
  /** Every key of the store, sorted. */
  keys(): Promise<string[]>;
}

export async function openScratch(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-dataset-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await openFolderStore(join(folder, 'store'));
  return {
    folder,
    store,
    file: async (name, bytes) => {
      const path = join(folder, name);
      await writeFile(path, bytes);
      return path;
    },
    keys: async () => {
      const keys: string[] = [];
      for await (const { key } of store.list('')) keys.push(key);
      return keys.sort();
    },
  };
}
