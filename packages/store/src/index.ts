export * from './arrays.js';
export * from './assemble-matrix.js';
export { checksumSuffix, checksumText, crc32c } from './checksum.js';
export { putChunk, readChunk } from './chunk.js';
export { dimensionParameter, selectByCoordinate } from './coordinates.js';
export {
  createExperimentGroup,
  deleteExperiment,
  isComplete,
  markComplete,
} from './experiment-group.js';
export * from './experiment-layout.js';
export { openFolderStore } from './folder-store.js';
export { type NpyArray, npyHeader, parseNpy, writeNpy } from './npy.js';
export {
  bytesOf,
  type FloatArray,
  floatsOf,
  floatType,
  itemBytes,
  type NumberType,
} from './number-bytes.js';
export { openStore } from './open-store.js';
export * from './publish.js';
export {
  type EncodedShard,
  encodeShard,
  readShardChunk,
  shardBytes,
  storedChunkBytes,
  verifyShard,
} from './shard.js';
export { readSlice, type Slice } from './slice.js';
export type { PositionRange, Selection } from './slice-selection.js';
export { deleteTemporary, storedBytes } from './stored-bytes.js';
export { type KnownExperiments, sweepOrphans } from './sweep.js';
export * from './temporary-keys.js';
export {
  encodePredictionStrip,
  encodeTestTrainStrip,
  encodeTrainTile,
  encodeVariances,
  type ImageVariances,
  mirrorShard,
  tileChunkBytes,
} from './tile-chunks.js';
export type { PutOptions, PutSource, StoredKey, TileStore } from './tile-store.js';
