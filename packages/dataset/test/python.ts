/** A Python with numpy, for checks against the arrays that users have. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

function findPython(): string | null {
  const cached = fileURLToPath(new URL('../../../.cache/python/bin/python', import.meta.url));
  const path = process.env.TESSERA_TEST_PYTHON ?? (existsSync(cached) ? cached : null);
  if (path === null) return null;
  return spawnSync(path, ['-c', 'import numpy']).status === 0 ? path : null;
}

export const python = findPython();

/** Runs a script; returns what it prints, as JSON. */
export function runPython(script: string, ...args: string[]): unknown {
  if (python === null) throw new Error('There is no Python with numpy: set TESSERA_TEST_PYTHON.');
  return JSON.parse(execFileSync(python, ['-c', script, ...args], { encoding: 'utf8' }));
}
