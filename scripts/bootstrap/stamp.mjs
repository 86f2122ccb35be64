/** What makes a second start quick: hashes of what a step was made from, compared before it is made again. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './run.mjs';

/** sha256 over the contents and names of files and, recursively, folders; absent ones count as empty. */
export function hashOf(paths, more = '') {
  const hash = createHash('sha256').update(more);
  const add = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (!found) return;
    if (found.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    } else hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

/** Whether the stamp file holds this hash. */
export function isCurrent(file, hash) {
  return existsSync(file) && readFileSync(file, 'utf8').trim() === hash;
}

export function writeStamp(file, hash) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${hash}\n`);
  renameSync(`${file}.${process.pid}`, file);
}

/** The names of folders in a folder of the repository. */
export function foldersIn(path) {
  return readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${path}/${entry.name}`);
}
