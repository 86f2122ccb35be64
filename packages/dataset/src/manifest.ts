/** The manifest of a stored data set, and where its files lie. Written last: a data set without one does not exist. */
import { createHash } from 'node:crypto';
import { type DatasetFacts, inputCount, type Split, TesseraError } from '@tessera/spec';
import type { TileStore } from '@tessera/store';

export type Dtype = 'uint8' | 'float32' | 'float64';
export const dtypeBytes: Readonly<Record<Dtype, number>> = { uint8: 1, float32: 4, float64: 8 };

export interface SourceFile {
  name: string;
  sha256: string;
}
export interface StoredFile extends SourceFile {
  bytes: number;
}

/**
 * `sha256` is that of the identity: everything below but itself, as canonical JSON, the hashes of the stored files
 * included. So one content has one address and one manifest, whoever imports it, and a damaged manifest is noticed.
 */
export interface DatasetManifest extends DatasetFacts {
  sha256: string;
  dtype: Dtype;
  synthetic: boolean;
  /** The stored files: images (n, H, W, C) or (n, inputs), labels int32, crc32c of blocks of images u32; all little endian. */
  files: StoredFile[];
  /** The files it was read from: CIFAR-10's batches; empty for other sources. */
  sourceFiles: SourceFile[];
  /** Images of one checked block of an images file. */
  blockImages: number;
  /** Bytes of all stored files but the manifest. */
  bytes: number;
}

/** Names the layout above; part of every identity. */
const format = 'tessera-dataset-1';

export const splits: readonly Split[] = ['train', 'test'];
export type FileRole = 'images' | 'labels' | 'images-crc32c';
export const fileRoles: readonly FileRole[] = ['images', 'labels', 'images-crc32c'];
export const fileName = (split: Split, role: FileRole): string => `${split}-${role}.bin`;

export const datasetFolder = (sha256: string): string => `datasets/${sha256}`;
export const manifestKey = (sha256: string): string => `${datasetFolder(sha256)}/manifest.json`;
export const fileKey = (sha256: string, name: string): string => `${datasetFolder(sha256)}/${name}`;

export const imageBytes = ({ shape, dtype }: Pick<DatasetManifest, 'shape' | 'dtype'>): number =>
  inputCount(shape) * dtypeBytes[dtype];

/** Gives a manifest its address. The fields are written in one order, whatever order they were read in. */
export function sealManifest(draft: Omit<DatasetManifest, 'sha256' | 'id' | 'bytes'>): DatasetManifest {
  const { shape } = draft;
  const identity = {
    name: draft.name,
    source: draft.source,
    synthetic: draft.synthetic,
    dtype: draft.dtype,
    shape:
      'inputs' in shape
        ? { inputs: shape.inputs }
        : { height: shape.height, width: shape.width, channels: shape.channels },
    classes: draft.classes,
    classNames: draft.classNames,
    trainCount: draft.trainCount,
    testCount: draft.testCount,
    segments: draft.segments.map(({ split, start, count }) => ({ split, start, count })),
    blockImages: draft.blockImages,
    files: draft.files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    sourceFiles: draft.sourceFiles.map(({ name, sha256 }) => ({ name, sha256 })),
  };
  const sha256 = createHash('sha256')
    .update(JSON.stringify({ format, ...identity }))
    .digest('hex');
  const bytes = identity.files.reduce((sum, file) => sum + file.bytes, 0);
  return { sha256, id: sha256, ...identity, bytes };
}

/**
 * Reads the manifest of a data set and proves it whole by its address.
 * @throws TesseraError `not-found` where the data set is not in the store, `corrupt-chunk` where its manifest is damaged
 */
export async function readManifest(store: TileStore, sha256: string): Promise<DatasetManifest> {
  const text = (await store.get(manifestKey(sha256))).toString('utf8');
  let manifest: DatasetManifest;
  try {
    manifest = sealManifest(JSON.parse(text));
  } catch (cause) {
    throw new TesseraError('corrupt-chunk', `The manifest of the data set ${sha256} cannot be read.`, {
      cause,
    });
  }
  if (manifest.sha256 !== sha256) {
    throw new TesseraError(
      'corrupt-chunk',
      `The manifest of the data set ${sha256} does not match its address.`,
    );
  }
  return manifest;
}
