/**
 * The write path of the folder store. Bytes go to a file of a unique name in the key's own folder, are synced, and
 * take the key's name by a rename, which is atomic; the folder is synced last, so that the name survives a power cut
 * too. A crash at any point leaves the key as it was, and at most a temporary file that the sweep deletes.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileErrorCode } from './storage-error.js';
import type { PutSource } from './tile-store.js';

const temporaryPattern = /^\..*\.[0-9a-f]{16}\.part$/;

/** True for the name of a file that is still being written, or whose writer died. */
export function isTemporaryName(name: string): boolean {
  return temporaryPattern.test(name);
}

function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.part`);
}

/** Makes `path` hold `source`, whole or not at all. */
export async function writeFileSafely(path: string, source: PutSource, durable: boolean): Promise<void> {
  await withWritten(path, source, durable, (temporary) => rename(temporary, path));
}

/**
 * The same for a path that nothing may replace.
 * @param isSame of two files; asked where `path` is there already
 * @returns false where it is there and is not the same
 */
export async function writeFileOnce(
  path: string,
  source: PutSource,
  durable: boolean,
  isSame: (written: string, there: string) => Promise<boolean>,
): Promise<boolean> {
  let isStored = true;
  await withWritten(path, source, durable, async (temporary) => {
    const isThere = await takeName(temporary, path);
    if (isThere) isStored = await isSame(temporary, path);
    await rm(temporary, { force: true });
  });
  return isStored;
}

/** Gives a file a name that is free; true where it is not. */
async function takeName(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return false;
  } catch (error) {
    const code = fileErrorCode(error) ?? '';
    if (code === 'EEXIST') return true;
    if (!linkRefusals.has(code)) throw error;
  }
  // No hard links here: of two writers at the same instant the later wins. What is read is whole in any case.
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) await rename(temporary, path);
  return isThere;
}

/** Writes `source` to a temporary file beside `path`, synced when durable; `name` gives it its name. */
async function withWritten(
  path: string,
  source: PutSource,
  durable: boolean,
  name: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    const handle = await inFolder(dirname(path), durable, () => open(temporary, 'wx'));
    try {
      for await (const part of source instanceof Uint8Array ? [source] : source) await writeAll(handle, part);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await name(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (durable) await syncFolder(dirname(path));
}

/**
 * Makes `to` hold what `from` holds by a hard link, or by a copy where the file system has none. Durable.
 * @param check of what was linked, before it takes its name: `from` may be replaced by another file at any moment
 */
export async function linkFileSafely(
  from: string,
  to: string,
  check: (file: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(to);
  try {
    await inFolder(dirname(to), true, () => linkOrCopy(from, temporary));
    await check(temporary);
    await syncFile(temporary);
    await rename(temporary, to);
  } finally {
    // Renaming one link of a file over another link of the same file does nothing and keeps both (POSIX).
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(to));
}

/** Codes by which a file system or a container says that it cannot make this link. */
const linkRefusals = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!linkRefusals.has(fileErrorCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}

async function writeAll(handle: FileHandle, part: Uint8Array): Promise<void> {
  let written = 0;
  while (written < part.byteLength) {
    const { bytesWritten } = await handle.write(part, written, part.byteLength - written);
    written += bytesWritten;
  }
}

/** Makes an entry of a folder; makes the folder first where it is absent, or was deleted a moment ago. */
async function inFolder<T>(folder: string, durable: boolean, makeEntry: () => Promise<T>): Promise<T> {
  try {
    return await makeEntry();
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error;
  }
  await makeFolder(folder, durable);
  return await makeEntry();
}

/** Makes a folder and those above it; durable: the entries of the new ones are synced, outermost first. */
async function makeFolder(folder: string, durable: boolean): Promise<void> {
  const outermost = await mkdir(folder, { recursive: true });
  if (outermost === undefined || !durable) return;
  const parents: string[] = [];
  for (let made = folder; made.length >= outermost.length; made = dirname(made))
    parents.unshift(dirname(made));
  for (const parent of parents) await syncFolder(parent);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
