/** The Python that tests compare against, in .cache/python. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, canApt } from './native.mjs';
import { lastLines, root, run, step } from './run.mjs';
import { hashOf, isCurrent, writeStamp } from './stamp.mjs';

const folder = join(root, '.cache/python');
const stamp = join(folder, '.tessera-stamp');
/** numpy's own floor. */
const oldestMinor = 11;

/** @returns {Promise<string | null>} null: it is there; else why not */
export async function preparePython() {
  if (process.env.TESSERA_TEST_PYTHON) return null;
  const hash = hashOf(['scripts/requirements.txt']);
  if (isCurrent(stamp, hash) && existsSync(join(folder, 'bin/python'))) return null;
  let python = await findPython();
  if (!python && canApt() && (await aptInstall(['python3', 'python3-venv']))) python = await findPython();
  if (!python) return `there is no python3 (3.${oldestMinor} or later) that can make a virtual environment`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  return step('Preparing the Python that tests compare against (scripts/requirements.txt)', async () => {
    const made = await run(python, ['-m', 'venv', folder]);
    if (made.code !== 0) return lastLines(made.output, 3);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      'scripts/requirements.txt',
    ];
    const filled = await run(join(folder, 'bin/python'), pip);
    if (filled.code !== 0) {
      rmSync(folder, { recursive: true, force: true });
      return `pip could not install scripts/requirements.txt: ${lastLines(filled.output, 3)}`;
    }
    writeStamp(stamp, hash);
    return null;
  });
}

/** The first Python that is new enough and can make a virtual environment with pip. */
async function findPython() {
  const check = `import sys, venv, ensurepip; sys.exit(sys.version_info < (3, ${oldestMinor}))`;
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    if ((await run(name, ['-c', check])).code === 0) return name;
  }
  return null;
}
