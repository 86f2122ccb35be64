/** The Python that cross-checks run on: TESSERA_TEST_PYTHON, or the virtual environment that `npm test` makes. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const made = join(import.meta.dirname, '../../../.cache/python/bin/python');

/** Its path, null where there is none. In CI its absence is an error. */
export function findPython(): string | null {
  const python = process.env.TESSERA_TEST_PYTHON ?? (existsSync(made) ? made : null);
  if (python === null && process.env.CI) throw new Error('CI has no Python for the cross-checks.');
  return python;
}

/** Runs a script of this folder and returns what it prints. A failure shows what Python said. */
export async function runPython(
  python: string,
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(python, [join(import.meta.dirname, script), ...args], {
    env: { ...process.env, ...env },
  });
  return stdout;
}
