/** Programs that tests run and that this repository does not bring. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall, canApt } from './native.mjs';

/** Program to the Debian package that has it. */
const packages = { promtool: 'prometheus', shellcheck: 'shellcheck' };

/** @returns {string | null} the path of a program on PATH */
export function findProgram(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sees to it that the tests will find a program on PATH, by apt where root may.
 * @param {keyof typeof packages} name
 * @returns {Promise<string | null>} null: it is there; else why not
 */
export async function prepareProgram(name) {
  if (findProgram(name) !== null) return null;
  if (canApt() && (await aptInstall([packages[name]])) && findProgram(name) !== null) return null;
  return `there is no ${name} on PATH (Debian's package ${packages[name]})`;
}
