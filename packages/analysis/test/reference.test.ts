import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openLinalg } from '@tessera/linalg';
import { describe, expect, it } from 'vitest';
import { checkCase, type ReferenceCase } from './reference-case.js';

const linalg = openLinalg({ threads: 2 });
const fixture = new URL('./fixtures/analysis.json', import.meta.url);
const committed = JSON.parse(readFileSync(fixture, 'utf8')) as ReferenceCase[];

describe('a committed analysis by scipy', () => {
  it.each(committed)('is reproduced: $name', (reference) => checkCase(linalg, reference));
});

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const python = process.env.TESSERA_TEST_PYTHON ?? fromRoot('.cache/python/bin/python');
const hasPython = existsSync(python);

describe('a fresh analysis by scipy, larger and with another seed', () => {
  // Without TESSERA_TEST_PYTHON or .cache/python the committed analyses above are the check.
  it.skipIf(!hasPython && !process.env.CI)(
    'is reproduced (needs a Python with scipy)',
    async () => {
      expect(hasPython, `there is no Python at ${python}`).toBe(true);
      const script = fromRoot('scripts/fixtures/analysis.py');
      const run = spawnSync(python, [script, '--seed', '11', '--size', '90'], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      expect(run.stderr).toBe('');
      const fresh = JSON.parse(run.stdout) as ReferenceCase[];
      expect(fresh).toHaveLength(committed.length);
      for (const reference of fresh) await checkCase(linalg, reference);
    },
    60_000,
  );
});
