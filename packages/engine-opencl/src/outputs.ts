/** The arrays of a block of a tile on the device, and their way into the result. */
import type { TileArray, TileResult, TileTask } from '@tessera/engine';
import type { DeviceBuffer, Kernel } from './context.js';
import { realBytes } from './programs.js';
import { type Pitched, roundUp, type Session } from './session.js';

/** Entries of a square that is mirrored by the host: less than launches cost. */
const SMALL_BLOCK = 4096;

/** What of a task's results is wanted: the bits of `wanted` in the kernels. */
export function wantedBits({ kernels, arrays }: TileTask): number {
  const has = (kernel: 'nngp' | 'ntk', array: 'matrix' | 'complement', bit: number) =>
    kernels.includes(kernel) && arrays.includes(array) ? bit : 0;
  return (
    has('ntk', 'complement', 1) |
    has('ntk', 'matrix', 2) |
    has('nngp', 'matrix', 4) |
    has('nngp', 'complement', 8)
  );
}

/** A block of the tile, columns from `col` on; `mirrored`: its mirror image belongs to the tile too. */
export interface Block {
  row: number;
  rows: number;
  col: number;
  cols: number;
  mirrored: boolean;
}

/** The result's arrays in the kernels' order of arguments: nngp, its complement, ntk, its complement. */
const arraysOf = ({ nngp, ntk }: TileResult): (TileArray | null)[] =>
  [nngp, ntk].flatMap((kind) => [kind?.matrix ?? null, kind?.complement ?? null]);

export class Outputs {
  readonly block: Block;
  /** (depths in the task's order, rows, cols), null where not wanted. */
  readonly buffers: (DeviceBuffer | null)[];
  private readonly session: Session;
  private readonly task: TileTask;
  private readonly result: TileResult;

  private constructor(session: Session, task: TileTask, result: TileResult, block: Block) {
    this.session = session;
    this.task = task;
    this.result = result;
    this.block = block;
    const bytes = task.depths.length * block.rows * block.cols * realBytes(task.precision);
    this.buffers = arraysOf(result).map((array) => (array === null ? null : session.allocate(bytes)));
  }

  /** Waits for the memory it takes, its mirror image included. */
  static async allocate(
    session: Session,
    task: TileTask,
    result: TileResult,
    block: Block,
  ): Promise<Outputs> {
    await session.reserve(block.rows * Outputs.rowBytes(task, block.cols));
    return new Outputs(session, task, result, block);
  }

  /** Bytes that one row of a block takes on the device. */
  static rowBytes(task: TileTask, cols: number): number {
    const wanted = wantedBits(task).toString(2).replaceAll('0', '').length;
    return wanted * (task.cols === null ? 2 : 1) * task.depths.length * cols * realBytes(task.precision);
  }

  /** Starts to bring the block, and its mirror image, into the result; `brought` settles when all of it is there. */
  async bring(mirror: Kernel): Promise<{ brought: Promise<void> }> {
    const { session, task, block } = this;
    const { row, rows, col, cols } = block;
    const size = realBytes(task.precision);
    const depths = task.depths.length;
    const width = (task.cols ?? task.rows).count;
    const into = (y: number, x: number): Pitched => ({
      offset: (y * width + x) * size,
      rowPitch: width * size,
      planePitch: task.rows.count * width * size,
    });
    // Of a block on the diagonal the mirror image holds the square completed.
    const isOnDiagonal = block.mirrored && row === col;
    const isSmall = isOnDiagonal && rows === cols && rows * cols * depths <= SMALL_BLOCK;
    const skipped = isOnDiagonal && !isSmall ? rows : 0;
    const used: DeviceBuffer[] = [];
    for (const [index, buffer] of this.buffers.entries()) {
      if (buffer === null) continue;
      const array = arraysOf(this.result)[index] as TileArray;
      used.push(buffer);
      if (block.mirrored && !isSmall) {
        const flipped = session.allocate(buffer.bytes);
        used.push(flipped);
        const global = [roundUp(cols, 16), roundUp(rows, 16), depths];
        await session.launch(
          mirror,
          global,
          [16, 16, 1],
          [rows, cols, Number(isOnDiagonal), buffer, flipped],
        );
        const turned = { offset: 0, rowPitch: rows * size, planePitch: rows * cols * size };
        session.readBlock(flipped, turned, array, into(col, row), [rows * size, cols, depths]);
      }
      if (cols > skipped) {
        const from = { offset: skipped * size, rowPitch: cols * size, planePitch: rows * cols * size };
        session.readBlock(buffer, from, array, into(row, col + skipped), [
          (cols - skipped) * size,
          rows,
          depths,
        ]);
      }
    }
    const brought = session.readsDone().then(() => {
      if (isSmall) this.complete();
      for (const buffer of used) session.release(buffer);
    });
    // Whoever awaits it sees its error; a tile that fails before that sees its own.
    brought.catch(() => {});
    return { brought };
  }

  /** Writes what lies below the diagonal of a small square from what lies above it. */
  private complete(): void {
    const { row, rows } = this.block;
    const n = this.task.rows.count;
    for (const array of arraysOf(this.result)) {
      if (array === null) continue;
      for (let d = 0; d < this.task.depths.length; d++) {
        for (let i = row; i < row + rows; i++) {
          for (let j = row; j < i; j++) array[(d * n + i) * n + j] = array[(d * n + j) * n + i] as number;
        }
      }
    }
  }
}
