/** Content into the store: read once to check it and find its address, read again to store it if it is new. */
import { createHash } from 'node:crypto';
import { inputCount, type Problem, type Split, TesseraError } from '@tessera/spec';
import { bytesOf, crc32c, type TileStore } from '@tessera/store';
import { type DatasetContent, invalidDataset } from './content.js';
import {
  type DatasetManifest,
  dtypeBytes,
  fileKey,
  fileName,
  imageBytes,
  manifestKey,
  readManifest,
  type StoredFile,
  sealManifest,
  splits,
} from './manifest.js';
import { equalPieces } from './pieces.js';

/**
 * Bytes of a block of images, the unit that is read and checked (or one image where that is larger). Small, because a
 * seeded subset reads one image of many blocks; large enough that 4 bytes of checksum and one read a block are nothing.
 */
const targetBlockBytes = 256 * 1024;

/**
 * Stores a data set; nothing is written before all of it was read and found good, and nothing at all where the store
 * has it already. The manifest comes last. Memory: a block of images and the labels.
 * @throws TesseraError `invalid-dataset` with every problem of the content
 */
export async function importContent(store: TileStore, content: DatasetContent): Promise<DatasetManifest> {
  const blockImages = Math.max(1, Math.floor(targetBlockBytes / imageBytes(content)));
  const digests = await digestSplits(content, blockImages);
  const end = (split: Split) =>
    content.segments.reduce((last, s) => (s.split === split ? Math.max(last, s.start + s.count) : last), 0);
  const manifest = sealManifest({
    name: content.name,
    source: content.source,
    synthetic: content.synthetic,
    dtype: content.dtype,
    shape: content.shape,
    classes: content.classes,
    classNames: content.classNames,
    trainCount: end('train'),
    testCount: end('test'),
    segments: content.segments,
    blockImages,
    files: splits.flatMap((split) => digests[split].files),
    sourceFiles: [...content.sourceFiles],
  });
  if (await isStored(store, manifest)) return manifest;
  for (const split of splits) await storeSplit(store, manifest, content, split, digests[split]);
  await store.put(manifestKey(manifest.sha256), Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`));
  return manifest;
}

/** Whether the store holds the data set: its manifest, and every file at its length. */
export async function isStored(store: TileStore, { sha256, files }: DatasetManifest): Promise<boolean> {
  if ((await store.size(manifestKey(sha256))) === null) return false;
  try {
    await readManifest(store, sha256);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'corrupt-chunk') return false;
    throw error;
  }
  for (const file of files) {
    if ((await store.size(fileKey(sha256, file.name))) !== file.bytes) return false;
  }
  return true;
}

interface SplitDigest {
  files: StoredFile[];
  labels: Uint8Array;
  checksums: Uint8Array;
}

async function digestSplits(
  content: DatasetContent,
  blockImages: number,
): Promise<Record<Split, SplitDigest>> {
  const problems: Problem[] = [];
  const digest = async (split: Split): Promise<SplitDigest | null> => {
    try {
      return await digestSplit(content, split, blockImages);
    } catch (error) {
      if (!(error instanceof TesseraError) || error.code !== 'invalid-dataset') throw error;
      problems.push(...error.problems);
      return null;
    }
  };
  const train = await digest('train');
  const test = await digest('test');
  if (train === null || test === null) throw invalidDataset(problems);
  return { train, test };
}

async function digestSplit(content: DatasetContent, split: Split, blockImages: number): Promise<SplitDigest> {
  const { labels, images } = content.splits[split];
  const hash = createHash('sha256');
  const checksums = new DataView(new ArrayBuffer(4 * Math.ceil(labels.length / blockImages)));
  let bytes = 0;
  let block = 0;
  for await (const piece of equalPieces(images(), blockImages * imageBytes(content))) {
    hash.update(piece);
    bytes += piece.byteLength;
    if (4 * block < checksums.byteLength) checksums.setUint32(4 * block, crc32c(piece), true);
    block += 1;
  }
  const expected = labels.length * inputCount(content.shape) * dtypeBytes[content.dtype];
  if (bytes !== expected) {
    throw new TesseraError('internal', `The ${split} images came as ${bytes} bytes, not ${expected}.`);
  }
  const labelBytes = bytesOf(labels);
  const checksumBytes = new Uint8Array(checksums.buffer);
  return {
    files: [
      { name: fileName(split, 'images'), sha256: hash.digest('hex'), bytes },
      { name: fileName(split, 'labels'), sha256: sha256Of(labelBytes), bytes: labelBytes.byteLength },
      {
        name: fileName(split, 'images-crc32c'),
        sha256: sha256Of(checksumBytes),
        bytes: checksumBytes.byteLength,
      },
    ],
    labels: labelBytes,
    checksums: checksumBytes,
  };
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function storeSplit(
  store: TileStore,
  { sha256, files }: DatasetManifest,
  content: DatasetContent,
  split: Split,
  digest: SplitDigest,
): Promise<void> {
  const key = (role: Parameters<typeof fileName>[1]) => fileKey(sha256, fileName(split, role));
  const expected = files.find(({ name }) => name === fileName(split, 'images'))?.sha256;
  await store.put(key('images'), unchanged(content.splits[split].images(), split, expected));
  await store.put(key('labels'), digest.labels);
  await store.put(key('images-crc32c'), digest.checksums);
}

/** Passes the images on, and fails the write at its end where they are not those of the first reading. */
async function* unchanged(
  images: AsyncIterable<Uint8Array>,
  split: Split,
  expected: string | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const piece of images) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') === expected) return;
  const message = `The ${split} images changed while they were imported; import them again.`;
  throw invalidDataset([{ pointer: `/x_${split}`, message }]);
}
