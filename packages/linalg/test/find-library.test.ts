import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraError } from '@tessera/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryPlaces } from '../src/find-library.js';
import { loadOpenBlas } from '../src/openblas.js';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'tessera-linalg-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

const failureOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('where OpenBLAS is looked for', () => {
  it('is the system first, then scipy-openblas in any folder of the cache, with its own symbol names', () => {
    const folder = join(cache, 'scipy_openblas32', 'lib');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'libscipy_openblas.so'), '');
    writeFileSync(join(folder, 'libgfortran.so'), '');
    expect(libraryPlaces(null, cache)).toEqual([
      { path: 'libopenblas.so.0', prefix: '' },
      { path: join(folder, 'libscipy_openblas.so'), prefix: 'scipy_' },
    ]);
    expect(libraryPlaces(null, join(cache, 'absent'))).toHaveLength(1);
  });

  it('is only the path that was asked for', () => {
    expect(libraryPlaces('/opt/libopenblas.so', cache)).toEqual([
      { path: '/opt/libopenblas.so', prefix: '' },
    ]);
  });

  it('is told in full when none works, with what to type', () => {
    const missing = failureOf(() => loadOpenBlas(join(cache, 'missing.so'), cache));
    expect(missing).toBeInstanceOf(TesseraError);
    expect(missing).toMatchObject({ code: 'native-missing' });
    expect(String(missing)).toContain(join(cache, 'missing.so'));
    expect(String(missing)).toContain('apt-get install libopenblas0-pthread');
    const notOpenBlas = failureOf(() => loadOpenBlas('libm.so.6', cache));
    expect(String(notOpenBlas)).toContain('openblas_get_parallel');
  });
});
