import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSettings } from '@tessera/config';

const ownPython = fileURLToPath(new URL('../../../.cache/python/bin/python', import.meta.url));

/**
 * A Python with scripts/requirements.txt: `TESSERA_TEST_PYTHON`, else the one `npm test` makes; null where there
 * is none. @throws in CI, where a missing service is a failure
 */
export function testPython(): string | null {
  const { testPython: given } = loadSettings(process.env).settings;
  if (given) return given;
  if (existsSync(ownPython)) return ownPython;
  if (process.env.CI) throw new Error('There is no Python for the tests: npm test makes .cache/python.');
  return null;
}
