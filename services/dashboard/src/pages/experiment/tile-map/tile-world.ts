/** Every tile of an experiment as a cell of one plane, with coarser levels for when it is seen from afar. */
import type { TileMapHeader } from '@tessera/spec';

/** What a cell is. The order is that of importance: what is seen from afar is the greatest of what lies there. */
export const cellKinds = ['none', 'waiting', 'pending', 'done', 'leased', 'failed'] as const;
export type CellKind = (typeof cellKinds)[number];
const kindNumber = Object.fromEntries(cellKinds.map((kind, number) => [kind, number])) as Record<
  CellKind,
  number
>;
/** Of a record's state bits: pending, leased, done, failed. */
const kindOfState = [kindNumber.pending, kindNumber.leased, kindNumber.done, kindNumber.failed];

const recordBytes = 10;
/** Cells on a side of a block: what is made anew together. */
export const blockSide = 64;

/** One level: each texel stands for 2^level cells on a side. */
export interface Level {
  width: number;
  height: number;
  /** The greatest kind. */
  kind: Uint8Array;
  /** The share of tiles that are done, 0 to 255. */
  done: Uint8Array;
  /** Mean milliseconds of those that are done; 0 where none is. */
  milliseconds: Float32Array;
  /** A worker that is or was there, by number; -1 for none. */
  worker: Int16Array;
}

export interface TilePlace {
  kernel: number;
  tile: number;
  row: number;
  col: number;
}

export class TileWorld {
  readonly header: TileMapHeader;
  readonly width: number;
  readonly height: number;
  /** Cells from one kernel's corner to the next's. */
  readonly pitch: number;
  readonly columns: number;
  readonly levels: Level[];
  readonly workers: string[] = [];
  readonly kernelStates: { state: string; wave: string; waveTotal: number; waveDone: number }[];
  /** Blocks whose cells have changed since `takeDirty`, by number. */
  readonly #dirty = new Set<number>();
  readonly #blocksAcross: number;
  readonly #rowStarts: Int32Array;
  readonly #rows: number;
  slowest = 1;

  constructor(header: TileMapHeader) {
    this.header = header;
    const { blocks, kernelCount } = header;
    const weights = header.weightVariance.length;
    const biases = header.biasVariance.length;
    const isGrid = weights > 1 && biases > 1;
    this.columns = isGrid ? weights : Math.min(kernelCount, Math.ceil(Math.sqrt(kernelCount * 1.7)));
    this.#rows = isGrid ? biases : Math.ceil(kernelCount / this.columns);
    this.pitch = blocks === 1 ? 1 : blocks + Math.max(1, Math.round(blocks / 8));
    this.width = (this.columns - 1) * this.pitch + blocks;
    this.height = (this.#rows - 1) * this.pitch + blocks;
    this.levels = makeLevels(this.width, this.height);
    this.#blocksAcross = Math.ceil(this.width / blockSide);
    this.#rowStarts = Int32Array.from(
      { length: blocks + 1 },
      (_, row) => row * blocks - (row * (row - 1)) / 2,
    );
    this.kernelStates = Array.from({ length: kernelCount }, () => ({
      state: 'waiting',
      wave: 'train',
      waveTotal: 0,
      waveDone: 0,
    }));
    for (let kernel = 0; kernel < kernelCount; kernel++) this.#fill(kernel, kindNumber.waiting);
  }

  /** The corner of a kernel. With two axes: weight variance to the right, bias variance upwards. */
  corner(kernel: number): { x: number; y: number } {
    const biases = this.header.biasVariance.length;
    const isGrid = this.header.weightVariance.length > 1 && biases > 1;
    const column = isGrid ? Math.floor(kernel / biases) : kernel % this.columns;
    const row = isGrid ? biases - 1 - (kernel % biases) : Math.floor(kernel / this.columns);
    return { x: column * this.pitch, y: row * this.pitch };
  }

  /** The tile at a cell; null where there is none. */
  placeAt(x: number, y: number): TilePlace | null {
    const { blocks, kernelCount, biasVariance, weightVariance } = this.header;
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return null;
    const column = Math.floor(x / this.pitch);
    const line = Math.floor(y / this.pitch);
    const col = x - column * this.pitch;
    const row = y - line * this.pitch;
    if (col >= blocks || row >= blocks || col < row) return null;
    const biases = biasVariance.length;
    const isGrid = weightVariance.length > 1 && biases > 1;
    const kernel = isGrid ? column * biases + (biases - 1 - line) : line * this.columns + column;
    if (kernel >= kernelCount) return null;
    return { kernel, tile: (this.#rowStarts[row] as number) + col - row, row, col };
  }

  /** The cell of a tile. */
  cellOf(kernel: number, tile: number): { x: number; y: number } {
    const row = this.#rowOf(tile);
    const { x, y } = this.corner(kernel);
    return { x: x + row + tile - (this.#rowStarts[row] as number), y: y + row };
  }

  cell(x: number, y: number): { kind: CellKind; milliseconds: number; worker: string | null } {
    const level = this.levels[0] as Level;
    const at = y * level.width + x;
    const worker = level.worker[at] as number;
    return {
      kind: cellKinds[level.kind[at] as number] as CellKind,
      milliseconds: level.milliseconds[at] as number,
      worker: worker < 0 ? null : (this.workers[worker] ?? null),
    };
  }

  /** Takes in an answer of the server. */
  apply(header: TileMapHeader, records: DataView): void {
    for (const [index, state, wave, waveTotal, waveDone] of header.kernels) {
      this.kernelStates[index] = { state, wave, waveTotal, waveDone };
      if (state === 'waiting') this.#fill(index, kindNumber.waiting);
      else if (state === 'done') this.#fill(index, kindNumber.done);
    }
    const numbers = header.workers.map((name) => this.#workerNumber(name));
    const level = this.levels[0] as Level;
    let at = 0;
    for (const [kernel, count] of header.tiles) {
      const corner = this.corner(kernel);
      let row = 0;
      for (let record = 0; record < count; record++, at += recordBytes) {
        const tile = records.getInt32(at);
        const packed = records.getInt32(at + 4);
        const worker = records.getInt16(at + 8);
        while ((this.#rowStarts[row + 1] as number) <= tile) row++;
        const x = corner.x + row + tile - (this.#rowStarts[row] as number);
        const y = corner.y + row;
        const cell = y * level.width + x;
        const kind = kindOfState[(packed >> 28) & 3] as number;
        const milliseconds = kind === kindNumber.done ? Math.max(1, packed & 0x7ffffff) : 0;
        level.kind[cell] = kind;
        level.done[cell] = kind === kindNumber.done ? 255 : 0;
        level.milliseconds[cell] = milliseconds;
        level.worker[cell] = worker < 0 || kind === kindNumber.pending ? -1 : (numbers[worker] as number);
        if (milliseconds > this.slowest) this.slowest = milliseconds;
        this.#dirty.add(Math.floor(y / blockSide) * this.#blocksAcross + Math.floor(x / blockSide));
      }
    }
  }

  /** Brings the coarser levels up to date; gives the blocks that have changed, in cells. */
  takeDirty(): { x: number; y: number }[] {
    const taken = [...this.#dirty].map((number) => ({
      x: (number % this.#blocksAcross) * blockSide,
      y: Math.floor(number / this.#blocksAcross) * blockSide,
    }));
    this.#dirty.clear();
    for (let level = 1; level < this.levels.length; level++) {
      const side = Math.max(1, blockSide >> level);
      for (const { x, y } of taken) this.#coarsen(level, x >> level, y >> level, side);
    }
    return taken;
  }

  /** Tiles by kind, for those who do not see the map. */
  counts(): Record<CellKind, number> {
    const counts = Object.fromEntries(cellKinds.map((kind) => [kind, 0])) as Record<CellKind, number>;
    for (const kind of (this.levels[0] as Level).kind) counts[cellKinds[kind] as CellKind]++;
    return counts;
  }

  #rowOf(tile: number): number {
    let low = 0;
    let high = this.header.blocks - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#rowStarts[middle] as number) <= tile) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #workerNumber(name: string): number {
    const known = this.workers.indexOf(name);
    return known >= 0 ? known : this.workers.push(name) - 1;
  }

  #fill(kernel: number, kind: number): void {
    const level = this.levels[0] as Level;
    const { x, y } = this.corner(kernel);
    const { blocks } = this.header;
    const keepsWork = kind === kindNumber.done;
    for (let row = 0; row < blocks; row++) {
      const from = (y + row) * level.width + x + row;
      const to = from + blocks - row;
      level.kind.fill(kind, from, to);
      level.done.fill(keepsWork ? 255 : 0, from, to);
      // Who computed a kernel that is done, and how long, is known as far as it was watched.
      if (!keepsWork) {
        level.milliseconds.fill(0, from, to);
        level.worker.fill(-1, from, to);
      }
    }
    for (let by = Math.floor(y / blockSide); by <= Math.floor((y + blocks - 1) / blockSide); by++) {
      for (let bx = Math.floor(x / blockSide); bx <= Math.floor((x + blocks - 1) / blockSide); bx++)
        this.#dirty.add(by * this.#blocksAcross + bx);
    }
  }

  #coarsen(number: number, left: number, top: number, side: number): void {
    const fine = this.levels[number - 1] as Level;
    const coarse = this.levels[number] as Level;
    for (let y = top; y < Math.min(coarse.height, top + side); y++) {
      for (let x = left; x < Math.min(coarse.width, left + side); x++) {
        let kind = 0;
        let worker = -1;
        let tiles = 0;
        let done = 0;
        let timed = 0;
        let milliseconds = 0;
        for (let child = 0; child < 4; child++) {
          const fx = 2 * x + (child & 1);
          const fy = 2 * y + (child >> 1);
          if (fx >= fine.width || fy >= fine.height) continue;
          const at = fy * fine.width + fx;
          const found = fine.kind[at] as number;
          if (found === 0) continue;
          tiles++;
          if (found > kind) kind = found;
          done += fine.done[at] as number;
          if ((fine.worker[at] as number) >= 0) worker = fine.worker[at] as number;
          if ((fine.milliseconds[at] as number) > 0) {
            timed++;
            milliseconds += fine.milliseconds[at] as number;
          }
        }
        const at = y * coarse.width + x;
        coarse.kind[at] = kind;
        coarse.worker[at] = worker;
        coarse.done[at] = tiles === 0 ? 0 : done / tiles;
        coarse.milliseconds[at] = timed === 0 ? 0 : milliseconds / timed;
      }
    }
  }
}

function makeLevels(width: number, height: number): Level[] {
  const levels: Level[] = [];
  for (let w = width, h = height; ; w = Math.ceil(w / 2), h = Math.ceil(h / 2)) {
    levels.push({
      width: w,
      height: h,
      kind: new Uint8Array(w * h),
      done: new Uint8Array(w * h),
      milliseconds: new Float32Array(w * h),
      worker: new Int16Array(w * h).fill(-1),
    });
    if (w <= blockSide && h <= blockSide) return levels;
  }
}
