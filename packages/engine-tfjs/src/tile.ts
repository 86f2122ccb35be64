/**
 * One tile, block by block of image pairs. The pixel pairs of one displacement s never mix with another's (Arora et al.
 * 2019): flatten and vectors need the plane s = 0, global average pooling all of them, a batch of displacements at a time.
 */
import type { ImageBlock, TileResult, TileTask } from '@tessera/engine';
import { Algebra, scoped, type Tensor, tensor } from './algebra.js';
import { type DifferenceDual, differenceDualOf, type MakeDifferenceDual } from './duals/difference-dual.js';
import { type MakePairDual, type PairDual, pairDualOf } from './duals/pair-dual.js';
import { type Describer, type Geometry, geometryOf, ImageRecursion, own } from './image-recursion.js';
import type { Pause } from './pace.js';
import {
  type Carried,
  type Cuts,
  cutsOf,
  disposePlanes,
  named,
  nextDifferences,
  nextPlanes,
  type Planes,
  parametersOf,
} from './planes.js';
import { channelsOf } from './read-in.js';
import { type Block, countsFromReference, type PlaneSums, ReadOut } from './read-out.js';
import { ReferencePlanes } from './reference-planes.js';
import { Tables } from './tables.js';

/** How much of a device one tile takes. */
export interface Budget {
  /** Entries of one tensor of pairs: some thirty such tensors are alive at a time. */
  entries: number;
  /** Bytes of the images' tables that stay on the device. */
  tableBytes: number;
}

/** delta at the read-in of all pairs of vectors, (rows, cols) row-major. */
export type VectorReadIn = (rows: ImageBlock, cols: ImageBlock) => Promise<Float64Array>;

export async function computeInto(
  result: TileResult,
  task: TileTask,
  budget: Budget,
  readIn: VectorReadIn,
  pause: Pause,
): Promise<void> {
  const o = new Algebra();
  try {
    const tile = new Tile(o, task, result, budget, pause);
    const complements =
      task.architecture.family === 'fcn' ? await readIn(task.rows, task.cols ?? task.rows) : null;
    for (const block of tile.blocks()) await tile.run(block, complements);
    if (task.cols === null) copyDeviations(result);
  } finally {
    o.dispose();
  }
}

function copyDeviations(result: TileResult): void {
  for (const kind of [result.nngp, result.ntk]) kind?.colDeviations.set(kind.rowDeviations);
}

class Tile {
  readonly #o: Algebra;
  readonly #task: TileTask;
  readonly #result: TileResult;
  readonly #budget: Budget;
  readonly #pause: Pause;
  readonly #geometry: Geometry;
  readonly #dual: PairDual;
  /** Of pooling with zero padding. */
  readonly #differenceDual: DifferenceDual | null;
  readonly #layers: number;
  readonly #isPooled: boolean;
  readonly #carried: Carried;
  /** Displacement by displacement, the partner of every pixel. */
  readonly #partners: Int32Array[];

  constructor(o: Algebra, task: TileTask, result: TileResult, budget: Budget, pause: Pause) {
    this.#o = o;
    this.#task = task;
    this.#result = result;
    this.#budget = budget;
    this.#pause = pause;
    this.#geometry = geometryOf(task);
    const scale = task.weightVariance / this.#geometry.filterSize ** 2;
    const { activation, family } = task.architecture;
    this.#dual = (pairDualOf(activation) as MakePairDual)(o, scale);
    this.#differenceDual = countsFromReference(task)
      ? (differenceDualOf(activation) as MakeDifferenceDual)(o, scale)
      : null;
    this.#layers = Math.max(...task.depths);
    this.#isPooled = family === 'cnn-gap';
    this.#carried = { tangent: result.ntk?.complement != null, theta: result.ntk?.matrix != null };
    this.#partners = this.#isPooled ? allPartners(this.#geometry) : [];
  }

  get #pixels(): number {
    return this.#geometry.height * this.#geometry.width;
  }

  /** Blocks whose pairs and tables fit the budget; of a symmetric tile those on and above the diagonal. */
  *blocks(): Generator<Block> {
    const { rows, cols: others } = this.#task;
    const cols = others ?? rows;
    const most = Math.max(1, Math.floor(this.#budget.entries / this.#pixels));
    let side = Math.max(1, Math.floor(Math.sqrt(most)));
    if (this.#isPooled) {
      const imageBytes = 4 * this.#pixels * Math.max(1, this.#layers) * (this.#dual.parameters + own.count);
      side = Math.max(1, Math.min(side, Math.floor(this.#budget.tableBytes / imageBytes / 2)));
    }
    const width = others === null || this.#isPooled ? side : Math.floor(most / Math.min(side, rows.count));
    const height = others === null || this.#isPooled ? side : Math.floor(most / Math.min(width, cols.count));
    for (let firstRow = 0; firstRow < rows.count; firstRow += height) {
      const ownRows = part(rows, firstRow, height);
      for (let firstCol = others === null ? firstRow : 0; firstCol < cols.count; firstCol += width) {
        const isDiagonal = others === null && firstCol === firstRow;
        const ownCols = isDiagonal ? ownRows : part(cols, firstCol, width);
        yield { firstRow, rows: ownRows, firstCol, cols: ownCols, isDiagonal };
      }
    }
  }

  async run(block: Block, complements: Float64Array | null): Promise<void> {
    const readOut = new ReadOut(this.#task, this.#result, block, this.#pixels);
    const isShared = this.#differenceDual !== null;
    await this.#withTables(block, this.#dual, true, this.#isPooled && !isShared, async (tables) => {
      if (!this.#isPooled || isShared) {
        await this.#runPairs(block, tables, null, complements, readOut);
        return;
      }
      for (const partners of this.#batches(block, 0)) {
        await this.#runPairs(block, tables, partners, null, readOut);
      }
    });
    if (this.#differenceDual !== null) {
      await this.#withTables(block, this.#differenceDual, false, true, async (tables) => {
        for (const partners of this.#batches(block, 1))
          await this.#runDifferences(block, tables, partners, readOut);
      });
    }
    readOut.finish();
  }

  async #withTables(
    { rows, cols, isDiagonal }: Block,
    describer: Describer,
    hasOwn: boolean,
    keepsAll: boolean,
    use: (tables: readonly [Tables, Tables]) => Promise<void>,
  ): Promise<void> {
    const tablesOf = (images: ImageBlock) =>
      new Tables(new ImageRecursion(this.#task, images, this.#geometry, describer, hasOwn), keepsAll);
    const a = tablesOf(rows);
    const b = isDiagonal ? a : tablesOf(cols);
    try {
      await use([a, b]);
    } finally {
      a.dispose();
      b.dispose();
    }
  }

  /** The displacements from `first` on, as many at a time as the budget holds. */
  *#batches({ rows, cols }: Block, first: number): Generator<Int32Array[]> {
    const most = Math.max(1, Math.floor(this.#budget.entries / (this.#pixels * rows.count * cols.count)));
    for (let at = first; at < this.#partners.length; at += most) yield this.#partners.slice(at, at + most);
  }

  /** @param partners null: the plane of equal pixels */
  async #runPairs(
    block: Block,
    tables: readonly [Tables, Tables],
    partners: Int32Array[] | null,
    complements: Float64Array | null,
    readOut: ReadOut,
  ): Promise<void> {
    const moving = this.#movingTo(block, partners);
    try {
      await this.#runLayers(
        scoped(() => this.#readIn(block, tables, moving, complements)),
        (planes, layer) => {
          const parameters = moving.parameters(tables, layer);
          const { biasVariance } = this.#task;
          const next = nextPlanes(this.#o, this.#dual, planes, parameters.both, this.#geometry, biasVariance);
          parameters.dispose();
          return next;
        },
        (sums, depthIndex, depth) =>
          readOut.take(depthIndex, sums, [tables[0].sums(depth), tables[1].sums(depth)]),
      );
    } finally {
      moving.dispose();
    }
  }

  async #runDifferences(
    block: Block,
    tables: readonly [Tables, Tables],
    partners: Int32Array[],
    readOut: ReadOut,
  ): Promise<void> {
    const o = this.#o;
    const dual = this.#differenceDual as DifferenceDual;
    const moving = this.#movingTo(block, partners);
    const reference = new ReferencePlanes(this.#task, this.#geometry, partners, dual);
    const { width } = this.#geometry;
    const cuts: Cuts = cutsOf(
      this.#geometry,
      partners.map((partner) => [Math.floor((partner[0] as number) / width), (partner[0] as number) % width]),
    );
    try {
      await this.#runLayers(
        scoped(() => {
          const { delta, theta } = named(this.#readIn(block, tables, moving, null), this.#carried);
          // K_ref - K of the read-in, where all of the reference's pixels are one.
          const k = o.sub(this.#halves(tables, moving), delta);
          const start = o.sub(this.#task.referenceVariance, k);
          return [
            start,
            ...(this.#carried.tangent ? [o.add(start, 0)] : []),
            ...(theta === null ? [] : [theta]),
          ];
        }),
        (planes, layer) => {
          const numbers = reference.step();
          const parameters = moving.parameters(tables, layer);
          const pairs = [partners.length, this.#pixels, 1, 1];
          const table = tensor(numbers, [reference.numbers, partners.length, this.#pixels], 'float32');
          const all = [...parameters.both, parametersOf(o, table, pairs)] as const;
          const next = nextDifferences(o, dual, planes, all, this.#geometry, cuts, this.#task.biasVariance);
          table.dispose();
          parameters.dispose();
          return next;
        },
        (sums, depthIndex, depth) =>
          readOut.takeDifferences(depthIndex, sums, reference.sums(), [
            tables[0].sums(depth),
            tables[1].sums(depth),
          ]),
      );
    } finally {
      moving.dispose();
      for (const cut of [...cuts.rows, ...cuts.cols]) cut.dispose();
    }
  }

  /** Takes planes through all layers; `take` gets their sums over pixels at every depth asked for. */
  async #runLayers(
    start: Tensor[],
    next: (planes: Planes, layer: number) => Planes,
    take: (sums: PlaneSums, depthIndex: number, depth: number) => void,
  ): Promise<void> {
    let planes = named(start, this.#carried);
    try {
      for (let layer = 0; ; layer++) {
        await this.#pause();
        const depthIndex = this.#task.depths.indexOf(layer);
        if (depthIndex >= 0) take(await this.#sums(planes), depthIndex, layer);
        if (layer === this.#layers) return;
        const following = next(planes, layer);
        disposePlanes(planes);
        planes = following;
      }
    } finally {
      disposePlanes(planes);
    }
  }

  /** How columns stand against rows: every pixel p beside its partner, displacement by displacement. */
  #movingTo({ rows, cols }: Block, partners: Int32Array[] | null) {
    const o = this.#o;
    const pixels = this.#pixels;
    const displacements = partners?.length ?? 1;
    const index = partners === null ? null : tensor(joined(partners), [displacements * pixels], 'int32');
    const rowShape = [1, pixels, rows.count, 1];
    const colShape = [displacements, pixels, 1, cols.count];
    const displaced = (table: Tensor, axis: number) =>
      index === null ? table : o.gather(table, index, axis);
    return {
      rowShape,
      colShape,
      displaced,
      /** What the pairs of a layer read; the displaced table is theirs to free. */
      parameters([a, b]: readonly [Tables, Tables], layer: number) {
        const [rowTable, colTable] = [a.at(layer), b.at(layer)];
        const moved = displaced(colTable, 1);
        return {
          both: [parametersOf(o, rowTable, rowShape), parametersOf(o, moved, colShape)] as const,
          dispose: () => {
            if (moved !== colTable) moved.dispose();
          },
        };
      },
      dispose: () => index?.dispose(),
    };
  }

  /** (q_a + q_b) / 2 at the read-in. */
  #halves([a, b]: readonly [Tables, Tables], { displaced, rowShape, colShape }: Moving): Tensor {
    const o = this.#o;
    return o.add(o.reshape(a.halfVariances, rowShape), o.reshape(displaced(b.halfVariances, 0), colShape));
  }

  /** delta, Delta = delta, Theta = K = (q_a + q_b)/2 - delta, as far as they are carried. */
  #readIn(
    block: Block,
    tables: readonly [Tables, Tables],
    moving: Moving,
    complements: Float64Array | null,
  ): Tensor[] {
    const o = this.#o;
    const { rows, cols, firstRow, firstCol } = block;
    const delta =
      complements === null
        ? this.#pixelComplements(rows, cols, moving)
        : tensor(
            this.#cut(complements, firstRow, rows.count, firstCol, cols.count),
            [1, 1, rows.count, cols.count],
            'float32',
          );
    const made = [delta];
    // Planes are freed one by one: no two of them may be one tensor.
    if (this.#carried.tangent) made.push(o.add(delta, 0));
    if (this.#carried.theta) made.push(o.sub(this.#halves(tables, moving), delta));
    return made;
  }

  /** Half the mean over channels of (a - b)^2. */
  #pixelComplements(rows: ImageBlock, cols: ImageBlock, { displaced, rowShape, colShape }: Moving): Tensor {
    const o = this.#o;
    const [first, second] = channelsOf(rows, cols, this.#pixels);
    const moved = displaced(second.values, 1);
    const [a, b] = [parametersOf(o, first.values, rowShape), parametersOf(o, moved, colShape)];
    let sum = o.square(o.sub(a(0), b(0)));
    for (let c = 1; c < (first.values.shape[0] as number); c++) {
      sum = o.add(sum, o.square(o.sub(a(c), b(c))));
    }
    return o.scale(sum, first.scale);
  }

  #cut(all: Float64Array, firstRow: number, rows: number, firstCol: number, cols: number): Float32Array {
    const width = (this.#task.cols ?? this.#task.rows).count;
    const result = new Float32Array(rows * cols);
    for (let i = 0; i < rows; i++) {
      const from = (firstRow + i) * width + firstCol;
      result.set(all.subarray(from, from + cols), i * cols);
    }
    return result;
  }

  /** Sums over pixels, on the host. */
  async #sums({ delta, tangent, theta }: Planes): Promise<PlaneSums> {
    const read = async (plane: Tensor | null) => {
      if (plane === null) return null;
      if (this.#pixels === 1) return (await plane.data()) as Float32Array;
      const sums = scoped(() => this.#o.sum(plane, 1));
      try {
        return (await sums.data()) as Float32Array;
      } finally {
        sums.dispose();
      }
    };
    return {
      delta: (await read(delta)) as Float32Array,
      tangent: await read(tangent),
      theta: await read(theta),
    };
  }
}

type Moving = {
  rowShape: number[];
  colShape: number[];
  displaced: (table: Tensor, axis: number) => Tensor;
};

/** Images first..first+count of a block, fewer where it ends. */
function part(block: ImageBlock, first: number, most: number): ImageBlock {
  const count = Math.min(most, block.count - first);
  if (count === block.count) return block;
  const inputs = block.data.length / block.count;
  const bytes = block.bytes && {
    ...block.bytes,
    pixels: block.bytes.pixels.subarray(first * inputs, (first + count) * inputs),
  };
  const data = block.data.subarray(first * inputs, (first + count) * inputs);
  return { key: `${block.key} ${first}+${count}`, count, shape: block.shape, data, bytes };
}

/** For every displacement (dy, dx) with wrapping, the pixel p + (dy, dx) of each p. */
function allPartners({ height, width }: Geometry): Int32Array[] {
  return Array.from({ length: height * width }, (_, s) => {
    const [dy, dx] = [Math.floor(s / width), s % width];
    return Int32Array.from({ length: height * width }, (_, p) => {
      const [y, x] = [Math.floor(p / width), p % width];
      return ((y + dy) % height) * width + ((x + dx) % width);
    });
  });
}

function joined(parts: Int32Array[]): Int32Array {
  const size = parts[0]?.length ?? 0;
  const all = new Int32Array(parts.length * size);
  for (const [i, each] of parts.entries()) all.set(each, i * size);
  return all;
}
