import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Where Debian's package and a build from source put it. */
const library = ['/usr/lib/oclgrind/liboclgrind-rt.so', '/usr/local/lib/liboclgrind-rt.so'].find((path) =>
  existsSync(path),
);
const tiles = fileURLToPath(new URL('oclgrind-tiles.mjs', import.meta.url));

// CPUs run the items of a group one after another and hide missing barriers; the simulator watches every access.
describe.skipIf(library === undefined)('the kernels on Oclgrind (left out where it is not installed)', () => {
  it('race for nothing, read nothing uninitialized and stay within their buffers', {
    timeout: 120_000,
  }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, [tiles, library as string], {
      encoding: 'utf8',
      // Not OCLGRIND_LOG: every context begins that file anew. The optimizer makes instructions that the interpreter lacks.
      env: {
        ...process.env,
        OCLGRIND_DATA_RACES: '1',
        OCLGRIND_UNINITIALIZED: '1',
        OCLGRIND_CHECK_API: '1',
        OCLGRIND_BUILD_OPTIONS: '-cl-opt-disable',
      },
    });
    expect(stderr.slice(0, 4000)).toBe('');
    expect(stdout).toBe('done\n');
  });
});
