import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mustRun, root, step } from './run.mjs';
import { hashOf, isCurrent, writeStamp } from './stamp.mjs';

const stamp = join(root, 'node_modules/.tessera-stamp');

/** Installs the packages of package-lock.json where node_modules is missing or was installed from another. */
export async function installPackages() {
  const hash = hashOf(['package-lock.json'], `${process.platform}-${process.arch}`);
  if (isCurrent(stamp, hash)) return;
  if (!isInstalled()) {
    const npm = npmCommand();
    await step('Installing packages (npm ci)', () =>
      mustRun('Installing packages', npm[0], [
        ...npm.slice(1),
        'ci',
        '--loglevel=error',
        '--no-progress',
        '--no-audit',
        '--no-fund',
      ]),
    );
  }
  writeStamp(stamp, hash);
}

/** The npm that started us, else the one on PATH: its command, and arguments before its own. */
export function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return basename(path) === 'npm-cli.js' ? [process.execPath, path] : ['npm'];
}

/** Whether somebody has installed exactly the lock file's packages: npm keeps its own record of that. */
function isInstalled() {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    if (present[path] === undefined) return entry.optional === true;
    return entry.link === true || present[path].version === entry.version;
  });
}
