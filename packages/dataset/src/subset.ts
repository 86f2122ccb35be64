/** The images an experiment computes with: chosen, normalized, read block by block. */
import { createHash } from 'node:crypto';
import { type DatasetSpec, type ImageShape, inputCount, type Split, TesseraError } from '@tessera/spec';
import { bytesOf } from '@tessera/store';
import { BlockCache } from './block-cache.js';
import type { Dataset, Pixels } from './dataset.js';
import { type ImageBlock, imageBlock } from './image-block.js';
import { imageBytes } from './manifest.js';
import { normalizePixels, passBytes, standardizationOf } from './normalization.js';
import { selectImages } from './selection.js';

export interface Subset {
  /** Chosen images, ascending indices into each split. */
  readonly train: Int32Array;
  readonly test: Int32Array;
  readonly classes: number;
  readonly shape: ImageShape;
  /** Class of each chosen image. */
  readonly trainLabels: Int32Array;
  readonly testLabels: Int32Array;
  /** Names the data set, the chosen images and the normalization. */
  readonly key: string;
  /**
   * Normalized images at the positions start .. start + count - 1 of the chosen ones.
   * @throws TesseraError `invalid-spec` for an image that cannot be normalized, `corrupt-chunk` for damaged bytes
   */
  block(split: Split, start: number, count: number): Promise<ImageBlock>;
}

export interface SubsetOptions {
  /** Bytes of normalized blocks kept. The default holds 10,000 test images of CIFAR-10 beside 256 training images. */
  cacheBytes?: number;
}

type ImageChoice = Pick<DatasetSpec, 'train' | 'test' | 'seed' | 'normalization'>;

/**
 * Chooses a spec's images and computes what their normalization needs.
 * @throws TesseraError `invalid-spec` as `selectImages` does, or where the training images cannot be standardized
 */
export async function openSubset(
  dataset: Dataset,
  spec: ImageChoice,
  { cacheBytes = 256 * 1024 * 1024 }: SubsetOptions = {},
): Promise<Subset> {
  const chosen = selectImages(dataset, spec);
  const { normalization } = spec;
  const images = keepingTraining(dataset, chosen.train);
  const standardization =
    normalization === 'standardize' ? await standardizationOf(images, chosen.train) : null;
  const key = subsetKey(dataset, chosen, spec);
  const cache = new BlockCache(cacheBytes);
  const { shape, classes } = dataset.manifest;
  const inputs = inputCount(shape);
  const labels = (split: Split) => chosen[split].map((index) => dataset.labels(split)[index] as number);
  const blockOf = async (key: string, split: Split, indices: Int32Array) =>
    imageBlock(key, await images.pixels(split, indices), shape, {
      normalization,
      standardization,
      split,
      indices,
    });
  return {
    ...chosen,
    classes,
    shape,
    trainLabels: labels('train'),
    testLabels: labels('test'),
    key,
    block: async (split, start, count) => {
      if (start < 0 || count < 1 || start + count > chosen[split].length) {
        const message = `Positions ${start}..${start + count - 1} are not among ${chosen[split].length} ${split} images.`;
        throw new TesseraError('internal', message);
      }
      const blockKey = `${key}/${split}/${start}+${count}`;
      return cache.get(blockKey, 8 * inputs * count, async () => {
        return blockOf(blockKey, split, chosen[split].subarray(start, start + count));
      });
    },
  };
}

/** Raw training images up to this many bytes are kept. */
const keptTrainingBytes = 8 * 1024 * 1024;

/**
 * The data set with its chosen training images read once, where they are few: drawn by a seed they lie all over the file,
 * and every look at them (the first image, their statistics, their blocks) would read and verify most of it.
 */
function keepingTraining(dataset: Dataset, train: Int32Array): Dataset {
  const { manifest } = dataset;
  if (train.length * imageBytes(manifest) > keptTrainingBytes) return dataset;
  const inputs = inputCount(manifest.shape);
  let kept: Promise<Pixels> | null = null;
  return {
    ...dataset,
    async pixels(split, indices) {
      const start = split === 'train' ? train.indexOf(indices[0] as number) : -1;
      const isKept = start >= 0 && indices.every((index, i) => index === train[start + i]);
      if (!isKept) return dataset.pixels(split, indices);
      kept ??= dataset.pixels('train', train).catch((error) => {
        kept = null;
        throw error;
      });
      return (await kept).subarray(start * inputs, (start + indices.length) * inputs);
    },
  };
}

/**
 * Proves that every chosen image can be normalized, in one pass over the training images (`standardize`) or all chosen
 * ones (`unit-sphere`); the other normalizations always can.
 * @throws TesseraError `invalid-spec`
 */
export async function checkNormalization(dataset: Dataset, spec: ImageChoice): Promise<void> {
  const chosen = selectImages(dataset, spec);
  if (spec.normalization === 'standardize') await standardizationOf(dataset, chosen.train);
  if (spec.normalization !== 'unit-sphere') return;
  const step = Math.max(1, Math.floor(passBytes / (8 * inputCount(dataset.manifest.shape))));
  for (const split of ['train', 'test'] as const) {
    for (let first = 0; first < chosen[split].length; first += step) {
      const indices = chosen[split].subarray(first, first + step);
      const pixels = await dataset.pixels(split, indices);
      normalizePixels(pixels, inputCount(dataset.manifest.shape), spec.normalization, null, {
        split,
        indices,
      });
    }
  }
}

function subsetKey(
  { manifest }: Dataset,
  chosen: { train: Int32Array; test: Int32Array },
  { normalization }: ImageChoice,
): string {
  const hash = createHash('sha256');
  hash.update(`${manifest.sha256} ${normalization} ${chosen.train.length} ${chosen.test.length} `);
  hash.update(bytesOf(chosen.train));
  hash.update(bytesOf(chosen.test));
  return hash.digest('hex');
}
