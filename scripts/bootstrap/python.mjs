/** Virtual environments of Python in .cache: what tests compare against, the peers of the bench. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, canApt } from './native.mjs';
import { lastLines, root, run, step } from './run.mjs';
import { hashOf, isCurrent, writeStamp } from './stamp.mjs';

/** @returns {Promise<string | null>} null: it is there; else why not */
export async function preparePython() {
  if (process.env.TESSERA_TEST_PYTHON) return null;
  return prepareEnvironment({
    what: 'the Python that tests compare against',
    folder: join(root, '.cache/python'),
    requirements: 'scripts/requirements.txt',
    alsoOf: ['clients/python/pyproject.toml'],
    // numpy's own floor.
    oldestMinor: 11,
    newestMinor: 99,
  });
}

/**
 * Makes a virtual environment with a file's packages, where it is missing or was made from another file.
 * @param {{what: string, folder: string, requirements: string, alsoOf?: string[], oldestMinor: number, newestMinor: number}} options
 *   which Python 3 will do; `requirements` is a path in the repository, `alsoOf` what it names there
 * @returns {Promise<string | null>} null: it is there; else why not
 */
export async function prepareEnvironment({
  what,
  folder,
  requirements,
  alsoOf = [],
  oldestMinor,
  newestMinor,
}) {
  const stamp = join(folder, '.tessera-stamp');
  const hash = hashOf([requirements, ...alsoOf]);
  if (isCurrent(stamp, hash) && existsSync(join(folder, 'bin/python'))) return null;
  let python = await findPython(oldestMinor, newestMinor);
  if (!python && canApt() && (await aptInstall(['python3', 'python3-venv']))) {
    python = await findPython(oldestMinor, newestMinor);
  }
  if (!python) {
    const range = newestMinor === 99 ? 'or later' : `to 3.${newestMinor}`;
    return `there is no python3 (3.${oldestMinor} ${range}) that can make a virtual environment`;
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  return step(`Preparing ${what} (${requirements})`, async () => {
    const made = await run(python, ['-m', 'venv', folder]);
    if (made.code !== 0) return lastLines(made.output, 3);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    const filled = await run(join(folder, 'bin/python'), pip);
    if (filled.code !== 0) {
      rmSync(folder, { recursive: true, force: true });
      return `pip could not install ${requirements}: ${lastLines(filled.output, 3)}`;
    }
    writeStamp(stamp, hash);
    return null;
  });
}

/** The first Python of a version in the range that can make a virtual environment with pip. */
async function findPython(oldestMinor, newestMinor) {
  const check = `import sys, venv, ensurepip; sys.exit(not (3, ${oldestMinor}) <= sys.version_info[:2] <= (3, ${newestMinor}))`;
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python']) {
    if ((await run(name, ['-c', check])).code === 0) return name;
  }
  return null;
}
