/** CIFAR-10: where it is, else from its home page. */
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { download } from './download.mjs';
import { say } from './run.mjs';
import { unpackTar } from './tar.mjs';

/** The data set's home page, and the md5 that page gives. */
const url = 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz';
const md5 = 'c32a1d4ab5d03f1284b67883e8d87530';
const folderName = 'cifar-10-batches-bin';

/** What the main job reads: the first training images, and all test images. */
const neededFiles = ['data_batch_1.bin', 'test_batch.bin'];

/**
 * @param {{given: string | null, dataDir: string}} options `given`: TESSERA_CIFAR10_DIR
 * @returns {Promise<string | null>} the folder, or null where CIFAR-10 cannot be had (told why)
 */
export async function findOrFetchCifar10({ given, dataDir }) {
  if (given) {
    if (hasCifar10(given)) return given;
    say(
      `TESSERA_CIFAR10_DIR (${given}) lacks ${neededFiles.filter((name) => !existsSync(join(given, name))).join(' and ')}.`,
    );
  }
  const folder = join(dataDir, folderName);
  if (hasCifar10(folder)) return folder;
  try {
    await fetchCifar10(dataDir, folder);
    return folder;
  } catch (error) {
    say(
      `CIFAR-10 cannot be had (${error.message}): the main job runs on the built-in synthetic images instead.`,
    );
    return null;
  }
}

export function hasCifar10(folder) {
  return neededFiles.every((name) => existsSync(join(folder, name)));
}

async function fetchCifar10(dataDir, folder) {
  mkdirSync(dataDir, { recursive: true });
  const archive = join(dataDir, basename(url));
  if (!existsSync(archive)) {
    say(`Downloading CIFAR-10 (170 MB) from ${url}`);
    await download({ url, file: archive, md5, onProgress: progressLine() });
  }
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    const choose = (name) =>
      /^cifar-10-batches-bin\/[\w.-]+$/.test(name) ? join(temporary, basename(name)) : null;
    await unpackTar(createReadStream(archive).pipe(createGunzip()), choose);
    if (!hasCifar10(temporary)) throw new Error(`${archive} lacks ${neededFiles.join(' or ')}`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    rmSync(archive);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Redraws one line on a terminal; a line every tenth part elsewhere. */
function progressLine() {
  let shownTenth = -1;
  let shownAt = 0;
  return (bytes, total) => {
    const text = `  ${(bytes / 1e6).toFixed(0)}${total === null ? '' : ` of ${(total / 1e6).toFixed(0)}`} MB`;
    const isEnd = bytes === total;
    if (process.stdout.isTTY) {
      if (!isEnd && performance.now() - shownAt < 200) return;
      shownAt = performance.now();
      process.stdout.write(`\r${text}${isEnd ? '\n' : ''}`);
      return;
    }
    const tenth = total === null ? Math.floor(bytes / 2e7) : Math.floor((10 * bytes) / total);
    if (tenth > shownTenth) say(text);
    shownTenth = tenth;
  };
}
