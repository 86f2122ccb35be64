import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where an OpenBLAS may be, and how its symbols are called there. */
export interface LibraryPlace {
  /** What the dynamic linker is asked for: a file or a soname. */
  path: string;
  /** Prefix of every symbol; scipy-openblas renames `dsyevd_` to `scipy_dsyevd_`. */
  prefix: '' | 'scipy_';
}

/** What the start command fetches where it may not install: <repository>/.cache/native/openblas. */
export const nativeCache = fileURLToPath(new URL('../../../.cache/native/openblas', import.meta.url));

/**
 * The places to try, best first. A path that was asked for is the only one: nothing else may stand in for it.
 * @param path a library to use and no other, or null
 */
export function libraryPlaces(path: string | null, cache = nativeCache): LibraryPlace[] {
  if (path !== null) return [{ path, prefix: prefixOf(path) }];
  return [{ path: 'libopenblas.so.0', prefix: '' }, ...scipyLibraries(cache)];
}

/** scipy-openblas32 of PyPI, unpacked in any folder of the cache. */
function scipyLibraries(cache: string): LibraryPlace[] {
  let names: string[];
  try {
    names = readdirSync(cache, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => /(^|[/\\])libscipy_openblas[^/\\]*\.so$/.test(name))
    .sort()
    .map((name) => ({ path: join(cache, name), prefix: 'scipy_' }));
}

function prefixOf(path: string): LibraryPlace['prefix'] {
  return /libscipy_openblas[^/\\]*$/.test(path) ? 'scipy_' : '';
}
