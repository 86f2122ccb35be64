/** From sums over planes to the entries of a tile, in float64 on the host. */
import type { ImageBlock, KernelTile, TileResult, TileTask } from '@tessera/engine';
import type { Sums } from './tables.js';

/** Pairs of images: rows firstRow.. of the task with columns firstCol.. of it. */
export interface Block {
  firstRow: number;
  rows: ImageBlock;
  firstCol: number;
  cols: ImageBlock;
  /** Rows are columns, and what lies below the diagonal is mirrored. */
  isDiagonal: boolean;
}

/** Sums over the pixels of a batch of planes, (displacements, rows, cols). */
export interface PlaneSums {
  delta: Float32Array;
  tangent: Float32Array | null;
  theta: Float32Array | null;
}

/** What of pooled networks has been summed up so far, over displacements. */
interface Totals {
  delta: Float64Array;
  tangent: Float64Array | null;
  theta: Float64Array | null;
  images: readonly [Sums, Sums];
  /** Of the reference's pairs, where complements are counted from them. */
  kRef: number;
  thetaRef: number;
}

/** Whether complements are counted from the reference's pairs (complement form, decision 8). */
export const countsFromReference = ({ architecture: { family, padding } }: TileTask): boolean =>
  family === 'cnn-gap' && padding === 'same';

/** Puts the sums of a block's planes together and writes its entries, after the readout. */
export class ReadOut {
  readonly #task: TileTask;
  readonly #result: TileResult;
  readonly #block: Block;
  readonly #pixels: number;
  readonly #isPooled: boolean;
  readonly #isShared: boolean;
  readonly #totals = new Map<number, Totals>();

  constructor(task: TileTask, result: TileResult, block: Block, pixels: number) {
    this.#task = task;
    this.#result = result;
    this.#block = block;
    this.#pixels = pixels;
    this.#isPooled = task.architecture.family === 'cnn-gap';
    this.#isShared = countsFromReference(task);
  }

  /** Planes in complement form, of the displacements that follow those taken so far. */
  take(depthIndex: number, sums: PlaneSums, images: readonly [Sums, Sums]): void {
    if (!this.#isPooled) {
      this.#write(depthIndex, { ...sums, images, kRef: 0, thetaRef: 0 });
      return;
    }
    const totals = this.#add(depthIndex, sums, images);
    if (!this.#isShared) return;
    // Of equal pixels K_ref - K = delta - (r_a + r_b)/2.
    const [a, b] = images;
    totals.kRef += this.#pixels * a.qRef;
    totals.thetaRef += this.#pixels * a.thetaRef;
    const { rows, cols } = this.#block;
    for (let i = 0, at = 0; i < rows.count; i++) {
      for (let j = 0; j < cols.count; j++, at++) {
        subtract(totals.delta, at, ((a.r[i] as number) + (b.r[j] as number)) / 2);
        if (totals.tangent) subtract(totals.tangent, at, ((a.rho[i] as number) + (b.rho[j] as number)) / 2);
      }
    }
  }

  /** Planes counted from the reference's, with the sums of those. */
  takeDifferences(
    depthIndex: number,
    sums: PlaneSums,
    reference: { k: number; theta: number },
    images: readonly [Sums, Sums],
  ): void {
    const totals = this.#add(depthIndex, sums, images);
    totals.kRef += reference.k;
    totals.thetaRef += reference.theta;
  }

  /** After the last displacement. */
  finish(): void {
    for (const [depthIndex, totals] of this.#totals) this.#write(depthIndex, totals);
  }

  #add(depthIndex: number, sums: PlaneSums, images: readonly [Sums, Sums]): Totals {
    const size = this.#block.rows.count * this.#block.cols.count;
    const fresh = (wanted: Float32Array | null) => (wanted === null ? null : new Float64Array(size));
    let totals = this.#totals.get(depthIndex);
    if (totals === undefined) {
      const delta = new Float64Array(size);
      totals = {
        delta,
        tangent: fresh(sums.tangent),
        theta: fresh(sums.theta),
        images,
        kRef: 0,
        thetaRef: 0,
      };
      this.#totals.set(depthIndex, totals);
    }
    for (const name of ['delta', 'tangent', 'theta'] as const) {
      const [total, values] = [totals[name], sums[name]];
      if (total === null || values === null) continue;
      // In the order of the displacements, however they are batched.
      for (let at = 0; at < values.length; at++) subtract(total, at % size, -(values[at] as number));
    }
    return totals;
  }

  /** After the readout: a mean over pixels (pooled: pairs of pixels) and a Dense; of fcn nothing. */
  #write(
    depthIndex: number,
    {
      delta,
      tangent,
      theta,
      images: [a, b],
      kRef,
      thetaRef,
    }: Omit<Totals, keyof PlaneSums> &
      Record<'delta', ArrayLike<number>> &
      Record<'tangent' | 'theta', ArrayLike<number> | null>,
  ): void {
    const { nngp, ntk } = this.#result;
    const { firstRow, firstCol, rows, cols, isDiagonal } = this.#block;
    const { weightVariance, biasVariance, architecture } = this.#task;
    const isFcn = architecture.family === 'fcn';
    const [factor, bias] = isFcn ? [1, 0] : [weightVariance, biasVariance];
    // The NTK of a readout is the NNGP's plus the mean's.
    const added = isFcn ? 0 : 1;
    const pixels = this.#pixels;
    const pairs = this.#isPooled ? pixels * pixels : pixels;
    for (let i = 0; i < rows.count; i++) {
      for (let j = isDiagonal ? i : 0; j < cols.count; j++) {
        const at = i * cols.count + j;
        const q = a.qRef + ((a.r[i] as number) + (b.r[j] as number)) / (2 * pixels);
        const complement = (factor * (delta[at] as number)) / pairs;
        const k = factor * (this.#isShared ? kRef / pairs : q) + bias - complement;
        const put = (tile: KernelTile | null, name: 'matrix' | 'complement', value: number) =>
          this.#put(tile, name, depthIndex, firstRow + i, firstCol + j, value);
        put(nngp, 'matrix', k);
        put(nngp, 'complement', complement);
        if (tangent !== null) {
          put(ntk, 'complement', added * complement + (factor * (tangent[at] as number)) / pairs);
        }
        if (theta === null) continue;
        // Theta of an image with itself is its own recursion's.
        const isItself = isDiagonal && i === j && !this.#isPooled;
        const sum = isItself ? pixels * a.thetaRef + (a.rho[i] as number) : (theta[at] as number);
        put(ntk, 'matrix', added * k + (factor * sum) / pairs);
      }
    }
    const references = this.#isShared
      ? { nngp: kRef / pairs, ntk: thetaRef / pairs }
      : { nngp: a.qRef, ntk: a.thetaRef };
    const nngpReference = factor * references.nngp + bias;
    for (const kind of ['nngp', 'ntk'] as const) {
      const tile = this.#result[kind];
      if (tile === null) continue;
      tile.reference[depthIndex] =
        kind === 'nngp' ? nngpReference : added * nngpReference + factor * references.ntk;
      const write = (into: Float64Array, { r, rho }: Sums, first: number) => {
        const all = into.length / this.#task.depths.length;
        for (let i = 0; i < r.length; i++) {
          const nngpRise = this.#isShared ? 0 : (factor * (r[i] as number)) / pixels;
          const ntkRise = this.#isShared ? 0 : (factor * (rho[i] as number)) / pixels;
          into[depthIndex * all + first + i] = kind === 'nngp' ? nngpRise : added * nngpRise + ntkRise;
        }
      };
      write(tile.rowDeviations, a, firstRow);
      if (this.#task.cols !== null) write(tile.colDeviations, b, firstCol);
    }
  }

  #put(
    tile: KernelTile | null,
    name: 'matrix' | 'complement',
    depthIndex: number,
    row: number,
    col: number,
    value: number,
  ): void {
    const array = tile?.[name];
    if (!array) return;
    const rows = this.#task.rows.count;
    const cols = (this.#task.cols ?? this.#task.rows).count;
    array[(depthIndex * rows + row) * cols + col] = value;
    if (this.#task.cols === null) array[(depthIndex * rows + col) * cols + row] = value;
  }
}

function subtract(total: Float64Array, at: number, value: number): void {
  total[at] = (total[at] as number) - value;
}
