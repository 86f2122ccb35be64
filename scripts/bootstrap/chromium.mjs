import { delimiter, join } from 'node:path';
import { aptInstall, canApt } from './native.mjs';
import { isProgram } from './programs.mjs';

/** What the program is called on the systems that have it. */
const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** The browser of the tests: TESSERA_TEST_CHROMIUM, or one on PATH. @returns {string | null} its path */
export function findChromium() {
  if (process.env.TESSERA_TEST_CHROMIUM) return process.env.TESSERA_TEST_CHROMIUM;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'].filter(Boolean);
  const places = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return places.find(isProgram) ?? null;
}

/**
 * Sees to it that the tests will find Chromium: a given one, one on PATH, or by apt where root may.
 * @returns {Promise<string | null>} null: there is one; else why not
 */
export async function prepareChromium() {
  if (findChromium() !== null) return null;
  if (canApt() && (await aptInstall(['chromium'])) && findChromium() !== null) return null;
  return 'there is no TESSERA_TEST_CHROMIUM and no chromium on PATH';
}
