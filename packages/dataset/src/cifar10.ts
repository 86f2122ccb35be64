/**
 * CIFAR-10 in its binary layout: a record is one label byte and 3,072 bytes, the 1,024 of red, green, blue, row by row.
 * A file holds 10,000 records. Files may be missing; index i of the training split lies in file floor(i / 10,000).
 * https://www.cs.toronto.edu/~kriz/cifar.html
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetFacts, type Problem, type Split, TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';
import { invalidDataset, type SplitContent } from './content.js';
import { importContent, sha256Of } from './import-content.js';
import type { DatasetManifest } from './manifest.js';

const side = 32;
const channels = 3;
const plane = side * side;
const imageSize = plane * channels;
const recordBytes = 1 + imageSize;
const imagesPerFile = 10_000;
const fileBytes = imagesPerFile * recordBytes;

const classNames = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const batches: readonly { name: string; split: Split; start: number }[] = [
  ...[1, 2, 3, 4, 5].map((number) => ({
    name: `data_batch_${number}.bin`,
    split: 'train' as const,
    start: (number - 1) * imagesPerFile,
  })),
  { name: 'test_batch.bin', split: 'test', start: 0 },
];

/** What a folder of CIFAR-10 binaries holds. */
export interface Cifar10Folder {
  /** Batch files that are there, in file order. */
  files: string[];
  missing: string[];
  trainImages: number;
  testImages: number;
}

/** The first of the folders that holds a training batch; null when none does. Null entries are passed over. */
export async function findCifar10(folders: readonly (string | null)[]): Promise<string | null> {
  for (const folder of folders) {
    if (folder === null) continue;
    const { trainImages } = await describeCifar10(folder);
    if (trainImages > 0) return folder;
  }
  return null;
}

/** Which batch files a folder holds, by name alone. A folder that is not there holds none. */
export async function describeCifar10(folder: string): Promise<Cifar10Folder> {
  const present = await Promise.all(batches.map(async ({ name }) => (await sizeOf(folder, name)) !== null));
  const there = batches.filter((_, i) => present[i]);
  const images = (split: Split) => there.filter((batch) => batch.split === split).length * imagesPerFile;
  return {
    files: there.map(({ name }) => name),
    missing: batches.filter((_, i) => !present[i]).map(({ name }) => name),
    trainImages: images('train'),
    testImages: images('test'),
  };
}

/**
 * Imports a folder of CIFAR-10 binaries; images become (32, 32, 3), uint8. Hashes of the files are recorded.
 * @throws TesseraError `invalid-dataset` where there is no training batch, a file has not 30,730,000 bytes, or a label
 * is above 9
 */
export async function importCifar10(store: TileStore, folder: string): Promise<DatasetManifest> {
  const { files, trainImages } = await describeCifar10(folder);
  const problems: Problem[] = [];
  if (trainImages === 0) {
    problems.push({ pointer: '', message: `${folder} has none of data_batch_1.bin .. data_batch_5.bin.` });
  }
  const there = batches.filter(({ name }) => files.includes(name));
  const labels: Record<Split, Int32Array[]> = { train: [], test: [] };
  const sourceFiles: DatasetManifest['sourceFiles'] = [];
  for (const { name, split } of there) {
    const batch = await readBatch(folder, name, problems);
    if (batch === null) continue;
    labels[split].push(labelsOf(batch, name, problems));
    sourceFiles.push({ name, sha256: sha256Of(batch) });
  }
  if (problems.length > 0) throw invalidDataset(problems);
  const content = (split: Split): SplitContent => ({
    labels: concatenate(labels[split]),
    images: () =>
      imagesOf(
        folder,
        there.filter((batch) => batch.split === split).map(({ name }) => name),
      ),
  });
  return importContent(store, {
    source: 'cifar10',
    name: 'cifar10',
    synthetic: false,
    shape: { height: side, width: side, channels },
    dtype: 'uint8',
    classes: classNames.length,
    classNames,
    segments: segmentsOf(there),
    sourceFiles,
    splits: { train: content('train'), test: content('test') },
  });
}

/** The index ranges that files cover; neighbours are one range. */
function segmentsOf(there: typeof batches): DatasetFacts['segments'] {
  const segments: DatasetFacts['segments'] = [];
  for (const { split, start } of there) {
    const last = segments.at(-1);
    if (last?.split === split && last.start + last.count === start) last.count += imagesPerFile;
    else segments.push({ split, start, count: imagesPerFile });
  }
  return segments;
}

async function* imagesOf(folder: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const name of names) {
    const problems: Problem[] = [];
    const batch = await readBatch(folder, name, problems);
    if (batch === null) throw invalidDataset(problems);
    yield interleaveChannels(batch);
  }
}

/** The records of one file; null, and a problem, where its length is wrong. */
async function readBatch(folder: string, name: string, problems: Problem[]): Promise<Uint8Array | null> {
  const bytes = await sizeOf(folder, name);
  if (bytes !== fileBytes) {
    const found = bytes === null ? 'is gone' : `has ${bytes} bytes`;
    const message = `${name} ${found}; a batch is ${imagesPerFile} records of ${recordBytes} bytes, ${fileBytes} in all.`;
    problems.push({ pointer: `/${name}`, message });
    return null;
  }
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    throw new TesseraError('unavailable', `${join(folder, name)} cannot be read.`, { cause });
  }
}

function labelsOf(batch: Uint8Array, name: string, problems: Problem[]): Int32Array {
  const labels = Int32Array.from({ length: imagesPerFile }, (_, i) => batch[i * recordBytes] as number);
  const wrong = labels.findIndex((label) => label >= classNames.length);
  if (wrong >= 0) {
    const message = `${name} has the label ${labels[wrong]} at image ${wrong}; labels are 0 to ${classNames.length - 1}.`;
    problems.push({ pointer: `/${name}`, message });
  }
  return labels;
}

/** Planes of red, green and blue -> pixels of three channels. */
function interleaveChannels(batch: Uint8Array): Uint8Array {
  const images = new Uint8Array(imagesPerFile * imageSize);
  let to = 0;
  for (let image = 0; image < imagesPerFile; image++) {
    const red = image * recordBytes + 1;
    for (let pixel = red; pixel < red + plane; pixel++) {
      images[to] = batch[pixel] as number;
      images[to + 1] = batch[pixel + plane] as number;
      images[to + 2] = batch[pixel + 2 * plane] as number;
      to += channels;
    }
  }
  return images;
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Bytes of a file; null where there is none. */
async function sizeOf(folder: string, name: string): Promise<number | null> {
  try {
    const found = await stat(join(folder, name));
    return found.isFile() ? found.size : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new TesseraError('unavailable', `${join(folder, name)} cannot be read.`, { cause: error });
  }
}
