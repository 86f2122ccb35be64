/** The compute engine's interface: one call computes one tile of kernel matrices at every depth. */
import type { Architecture, ImageShape, KernelName, Precision } from '@tessera/spec';

/** Normalized images. `key` names the bytes: two blocks of one key hold the same images, so engines cache by it. */
export interface ImageBlock {
  key: string;
  count: number;
  shape: ImageShape;
  /** (count, height, width, channels) or (count, inputs), row-major. */
  data: Float64Array;
}

/** One tile: all pairs of a row block and a column block, at every depth, both kinds in one pass. */
export interface TileTask {
  architecture: Architecture;
  weightVariance: number;
  biasVariance: number;
  /** Distinct depths in any order; the result keeps it. */
  depths: readonly number[];
  kernels: readonly KernelName[];
  precision: Precision;
  rows: ImageBlock;
  /** null: a symmetric tile, whose columns are its rows and whose entry (i, i) pairs an image with itself. */
  cols: ImageBlock | null;
}

export type TileArray = Float64Array | Float32Array;

/** Each array is (depths, rows, cols) row-major in the task's precision; null where the kind was not asked for. */
export interface TileResult {
  nngp: TileArray | null;
  ntk: TileArray | null;
}

export interface EngineInfo {
  name: string;
  version: string;
  device: string;
  instructionSet: string;
  precisions: Precision[];
  /** Equal fingerprints promise equal bits for equal tiles. */
  fingerprint: string;
}

/**
 * A compute engine. Bits of an entry depend on its two images and the task's numbers alone, never on the shape of
 * the tile or the place in it. Symmetric tiles come back full and exactly symmetric. Overflow gives infinities
 * and NaN, which callers detect; nothing is thrown for it.
 */
export interface Engine {
  readonly info: EngineInfo;
  /** null where the engine computes the architecture, else the reason why not. */
  supports(architecture: Architecture): string | null;
  /**
   * @param into a result of a task of the same counts, kernels and precision, written over: fresh pages cost a third of
   *   the time of a large tile of a shallow network
   * @throws TesseraError `cancelled` when the signal aborts; `engine-failed` when the engine cannot go on.
   */
  computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult): Promise<TileResult>;
  close(): Promise<void>;
}

/**
 * The arrays of a task's result: those of `into`, or new ones; all zero.
 * @throws Error where `into` belongs to a task of another size
 */
export function allocateResult(task: TileTask, into?: TileResult): TileResult {
  const size = task.depths.length * task.rows.count * (task.cols ?? task.rows).count;
  const Numbers = task.precision === 'f64' ? Float64Array : Float32Array;
  const allocate = (kind: KernelName): TileArray | null => {
    if (!task.kernels.includes(kind)) return null;
    const given = into?.[kind];
    if (!given) return new Numbers(size);
    if (given.length !== size || !(given instanceof Numbers))
      throw new Error('The result to write over does not fit.');
    return given.fill(0);
  };
  return { nngp: allocate('nngp'), ntk: allocate('ntk') };
}
