export { type Cifar10Folder, describeCifar10, findCifar10, importCifar10 } from './cifar10.js';
export { type Dataset, openDataset, type Pixels } from './dataset.js';
export type { ImageBlock, ImageBytes } from './image-block.js';
export { labelMatrix } from './label-matrix.js';
export type { DatasetManifest, Dtype, SourceFile, StoredFile } from './manifest.js';
export { datasetFolder, readManifest, sealManifest } from './manifest.js';
export { importNpz } from './npz.js';
export { defaultNpzLimits, type NpzLimits } from './npz-limits.js';
export { RandomStream } from './random-stream.js';
export { selectImages } from './selection.js';
export {
  checkNormalization,
  openSubset,
  type Subset,
  type SubsetOptions,
} from './subset.js';
export { importSynthetic, syntheticSha256 } from './synthetic.js';
