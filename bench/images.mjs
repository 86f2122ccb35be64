/** The images both sides compute with, through the product's own reading and normalization. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findCifar10,
  importCifar10,
  importSynthetic,
  labelMatrix,
  openDataset,
  openSubset,
} from '@tessera/dataset';
import { openFolderStore } from '@tessera/store';
import { root } from '../scripts/bootstrap/run.mjs';

/**
 * CIFAR-10 where it is (TESSERA_CIFAR10_DIR, or what `npm start` fetched), else the built-in synthetic images.
 * @param {string} folder a temporary folder
 */
export async function openImages(folder) {
  await mkdir(join(folder, 'store'), { recursive: true });
  const store = await openFolderStore(join(folder, 'store'));
  const cifar10 = await findCifar10([
    process.env.TESSERA_CIFAR10_DIR || null,
    join(root, 'data/cifar-10-batches-bin'),
  ]);
  const { sha256 } = cifar10 === null ? await importSynthetic(store) : await importCifar10(store, cifar10);
  const dataset = await openDataset(store, sha256);
  return {
    /** The name a spec gives them. */
    id: cifar10 === null ? 'synthetic' : 'cifar10',
    /** For the stacks' environment; null: there is no CIFAR-10. */
    cifar10,
    facts: dataset.manifest,
    subset: (choice) =>
      openSubset(dataset, { train: 1, test: 0, seed: null, normalization: 'standardize', ...choice }),
  };
}

let fresh = 0;
/** The same images under a key no engine has seen: nothing of them comes from a cache. */
export function unseen(block) {
  fresh += 1;
  const { count, shape, bytes } = block;
  return {
    key: `bench-${fresh}`,
    count,
    shape,
    bytes,
    get data() {
      return block.data;
    },
  };
}

/** Writes numbers as the peers read them: little-endian, row-major. */
export async function writeNumbers(file, values) {
  await writeFile(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return file;
}

/** Targets of training images, (n, classes), and the labels of test images. */
export function targetsOf(subset, labels) {
  return labelMatrix(subset.trainLabels, subset.classes, labels, subset.trainLabels);
}
