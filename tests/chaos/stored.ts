/** What lies in the store, read past the services. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { checksumText, crc32c } from '@tessera/store';

/** Every file below a folder, as paths relative to it; a folder that is not there has none. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * The sha256 of every file of an experiment's Zarr group, chunks and metadata, by its path. Of the group's attributes
 * what names the experiment and the moment it was made does not count.
 */
export async function groupHashes(store: string, id: string): Promise<Map<string, string>> {
  const root = join(store, 'experiments', `${id}.zarr`);
  const hashes = new Map<string, string>();
  for (const file of await filesBelow(root)) {
    // What a killed writer left; the sweep deletes it.
    if (file.endsWith('.part')) continue;
    const bytes = await readFile(join(root, file));
    const content = file === 'zarr.json' ? withoutIdentity(bytes) : bytes;
    hashes.set(file, createHash('sha256').update(content).digest('hex'));
  }
  return hashes;
}

function withoutIdentity(bytes: Buffer): string {
  return JSON.stringify(JSON.parse(bytes.toString('utf8')), (key, value: unknown) =>
    key === 'experiment' || key === 'createdAt' ? undefined : value,
  );
}

/** Paths whose bytes differ, or that only one of the two has. */
export function differences(
  expected: ReadonlyMap<string, string>,
  actual: ReadonlyMap<string, string>,
): string[] {
  const paths = new Set([...expected.keys(), ...actual.keys()]);
  return [...paths].filter((path) => expected.get(path) !== actual.get(path)).sort();
}

/** The array a path of a Zarr group belongs to. */
export const arrayOf = (path: string) => path.split('/')[0] as string;

/** crc32c of a whole file as the database keeps it, or null where there is no file. */
export async function fileChecksum(file: string): Promise<string | null> {
  const bytes = await readFile(file).catch(() => null);
  return bytes && checksumText(crc32c(bytes));
}
