/** A stored data set, opened for reading. Every byte read is checked against the manifest. */
import { inputCount, type Split, TesseraError } from '@tessera/spec';
import { crc32c, type TileStore } from '@tessera/store';
import { sha256Of } from './import-content.js';
import {
  type DatasetManifest,
  type FileRole,
  fileKey,
  fileName,
  imageBytes,
  readManifest,
} from './manifest.js';

/** Pixels as they are stored, `inputCount` values an image. */
export type Pixels = Uint8Array | Float32Array | Float64Array;

export interface Dataset {
  readonly manifest: DatasetManifest;
  /** The class of each index of a split; -1 where a missing file leaves a gap. */
  labels(split: Split): Int32Array;
  /**
   * Pixels of images by index, in the order asked for, (n, H, W, C) or (n, inputs) in the dtype of the data set.
   * @throws TesseraError `corrupt-chunk` where stored bytes are damaged
   */
  pixels(split: Split, indices: Int32Array): Promise<Pixels>;
  /** The same as float64. */
  rawImages(split: Split, indices: Int32Array): Promise<Float64Array>;
}

/**
 * Opens a data set by its address: reads and checks the manifest, the labels and the checksums of the images.
 * @throws TesseraError `not-found`, or `corrupt-chunk` where something stored is damaged
 */
export async function openDataset(store: TileStore, sha256: string): Promise<Dataset> {
  const manifest = await readManifest(store, sha256);
  const open = async (split: Split): Promise<OpenSplit> => {
    const labels = new Int32Array(await readFile(store, manifest, split, 'labels'));
    const checksums = new Uint32Array(await readFile(store, manifest, split, 'images-crc32c'));
    const positions = new Int32Array(split === 'train' ? manifest.trainCount : manifest.testCount).fill(-1);
    let position = 0;
    for (const segment of manifest.segments.filter((s) => s.split === split)) {
      for (let i = 0; i < segment.count; i++, position++) positions[segment.start + i] = position;
    }
    return { labels: positions.map((p) => (p < 0 ? -1 : (labels[p] as number))), positions, checksums };
  };
  const opened = { train: await open('train'), test: await open('test') };
  const pixels = (split: Split, indices: Int32Array) =>
    readPixels(store, manifest, split, opened[split], indices);
  return {
    manifest,
    labels: (split) => opened[split].labels,
    pixels,
    rawImages: async (split, indices) => {
      const values = await pixels(split, indices);
      return values instanceof Float64Array ? values : Float64Array.from(values);
    },
  };
}

interface OpenSplit {
  /** By index. */
  labels: Int32Array;
  /** Where the image of an index is stored among the images that exist; -1 in gaps. */
  positions: Int32Array;
  /** crc32c of each block of images. */
  checksums: Uint32Array;
}

async function readFile(
  store: TileStore,
  { sha256, files }: DatasetManifest,
  split: Split,
  role: FileRole,
): Promise<ArrayBuffer> {
  const name = fileName(split, role);
  const bytes = await store.get(fileKey(sha256, name));
  if (sha256Of(bytes) === files.find((file) => file.name === name)?.sha256)
    return new Uint8Array(bytes).buffer;
  throw new TesseraError('corrupt-chunk', `${name} of the data set ${sha256} does not match its checksum.`);
}

async function readPixels(
  store: TileStore,
  manifest: DatasetManifest,
  split: Split,
  { positions, checksums }: OpenSplit,
  indices: Int32Array,
): Promise<Pixels> {
  const size = imageBytes(manifest);
  const bytes = new Uint8Array(indices.length * size);
  let loaded = -1;
  let block: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < indices.length; i++) {
    const position = positions[indices[i] as number] ?? -1;
    if (position < 0) {
      throw new TesseraError('internal', `The data set has no ${split} image ${indices[i]}.`);
    }
    const number = Math.floor(position / manifest.blockImages);
    if (loaded !== number) {
      block = await readBlock(store, manifest, split, checksums, number);
      loaded = number;
    }
    const start = (position - number * manifest.blockImages) * size;
    bytes.set(block.subarray(start, start + size), i * size);
  }
  if (manifest.dtype === 'uint8') return bytes;
  return manifest.dtype === 'float32' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}

async function readBlock(
  store: TileStore,
  manifest: DatasetManifest,
  split: Split,
  checksums: Uint32Array,
  number: number,
): Promise<Uint8Array> {
  const name = fileName(split, 'images');
  const fileBytes = manifest.files.find((file) => file.name === name)?.bytes ?? 0;
  const blockBytes = manifest.blockImages * imageBytes(manifest);
  const start = number * blockBytes;
  const bytes = await store.getRange(
    fileKey(manifest.sha256, name),
    start,
    Math.min(blockBytes, fileBytes - start),
  );
  if (crc32c(bytes) === checksums[number]) return bytes;
  const inputs = inputCount(manifest.shape);
  const message = `Block ${number} of ${name} (images of ${inputs} values) of the data set ${manifest.sha256} is damaged.`;
  throw new TesseraError('corrupt-chunk', message);
}
