/** The compute engine's interface: one call computes one tile of kernel matrices at every depth. */
import type { Architecture, ImageShape, KernelName, Precision } from '@tessera/spec';

/** Normalized images. `key` names the bytes: two blocks of one key hold the same images, so engines cache by it. */
export interface ImageBlock {
  key: string;
  count: number;
  shape: ImageShape;
  /** (count, height, width, channels) or (count, inputs), row-major. May be a getter that computes them when first read. */
  readonly data: Float64Array;
  /** The bytes the images were made of, where they were: engines read in their products exactly, in integers. */
  readonly bytes?: ImageBytes | undefined;
}

/**
 * Images before their normalization: x = (byte - offset) * factor. `shared`: one offset and factor for all images;
 * `own`: each image minus its own mean, scaled to |x|^2 = number of inputs.
 */
export interface ImageBytes {
  /** (count, inputs) in the order of `data`. */
  pixels: Uint8Array;
  normalization: { kind: 'shared'; offset: number; factor: number } | { kind: 'own' };
}

/** What a tile can hold of one kind: the kernel matrix M itself, and its complement. */
export type TileArrayName = 'matrix' | 'complement';

/** One tile: all pairs of a row block and a column block, at every depth, both kinds in one pass. */
export interface TileTask {
  architecture: Architecture;
  weightVariance: number;
  biasVariance: number;
  /** Distinct depths in any order; the result keeps it. */
  depths: readonly number[];
  kernels: readonly KernelName[];
  /** Which arrays of each kind are wanted; the bits of one do not depend on the other. */
  arrays: readonly TileArrayName[];
  /**
   * Which of `arrays` are read at each depth, in the order of `depths`; all where left out. An engine need not write the
   * others' entries.
   */
  arraysRead?: readonly (readonly TileArrayName[])[];
  precision: Precision;
  /**
   * Deviations are counted from the network's answer to this variance at the read-in: a positive number near the
   * images' own |x|^2 / n, one for all tiles of an experiment.
   */
  referenceVariance: number;
  rows: ImageBlock;
  /** null: a symmetric tile, whose columns are its rows and whose entry (i, i) pairs an image with itself. */
  cols: ImageBlock | null;
}

export type TileArray = Float64Array | Float32Array;

/**
 * One kind (NNGP or NTK) of a tile, after the readout. With v = reference + deviation of an image,
 * M(a, b) = (v_a + v_b) / 2 - E(a, b). Where all images look alike to a deep network, M loses what tells them apart to
 * rounding; E, propagated by a recursion without cancellation, keeps it (complement form).
 * v is M(a, a) for fcn and cnn-flatten, where E(a, a) = 0. For cnn-gap v is the mean over pixels of the variance,
 * and with padding `same` the mean of the reference plane, the same for all images.
 */
export interface KernelTile {
  /** M, (depths, rows, cols) row-major in the task's precision; null where not asked for. */
  matrix: TileArray | null;
  /** E, of the same shape, every entry with small relative error; null where not asked for. */
  complement: TileArray | null;
  /** v_ref, (depths). */
  reference: Float64Array;
  /** v - v_ref of the row images, (depths, rows). */
  rowDeviations: Float64Array;
  /** v - v_ref of the column images, (depths, cols); of a symmetric tile equal to the rows'. */
  colDeviations: Float64Array;
}

/** null where the kind was not asked for. */
export interface TileResult {
  nngp: KernelTile | null;
  ntk: KernelTile | null;
}

export interface EngineInfo {
  name: string;
  version: string;
  /** What it computes on: `cpu`, or the device's own name, with its number where there are several (`2 x NAME`). */
  device: string;
  /** Of a GPU the driver that compiles for it. */
  instructionSet: string;
  /** Bytes of the device's own memory that tiles may take; null where they take the host's. */
  memoryBytes: number | null;
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
 * The arrays of a task's result: those of `into` with what they hold, or new ones; an engine writes every entry but those
 * that nobody reads (`arraysRead`).
 * @throws Error where `into` belongs to a task of another size
 */
export function allocateResult(task: TileTask, into?: TileResult): TileResult {
  const rows = task.rows.count;
  const cols = (task.cols ?? task.rows).count;
  const depths = task.depths.length;
  const Numbers = task.precision === 'f64' ? Float64Array : Float32Array;
  const zeros = (length: number, given: TileArray | null | undefined): TileArray => {
    if (!given) return new Numbers(length);
    if (given.length !== length || !(given instanceof Numbers))
      throw new Error('The result to write over does not fit.');
    return given;
  };
  const allocate = (kind: KernelName): KernelTile | null => {
    if (!task.kernels.includes(kind)) return null;
    const given = into?.[kind];
    const array = (name: TileArrayName) =>
      task.arrays.includes(name) ? zeros(depths * rows * cols, given?.[name]) : null;
    return {
      matrix: array('matrix'),
      complement: array('complement'),
      reference: new Float64Array(depths),
      rowDeviations: new Float64Array(depths * rows),
      colDeviations: new Float64Array(depths * cols),
    };
  };
  return { nngp: allocate('nngp'), ntk: allocate('ntk') };
}
