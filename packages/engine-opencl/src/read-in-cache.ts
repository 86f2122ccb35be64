import type { ImageBlock } from '@tessera/engine';
import type { Precision } from '@tessera/spec';
import type { Context, DeviceBuffer } from './context.js';
import { readIn } from './read-in.js';
import type { Session } from './session.js';

/** A read-in on loan: `release` once the tile has no more use of it. */
export interface Loan {
  buffer: DeviceBuffer;
  release(): void;
}

/**
 * The read-ins of recently used pairs of blocks, on the device. The same two blocks come back for every kernel of a grid, and
 * their products over thousands of inputs cost as much as many layers. Least recently used first out.
 */
export class ReadInCache {
  private readonly entries = new Map<string, DeviceBuffer>();
  private readonly context: Context;
  private readonly limit: number;
  private bytes = 0;

  constructor(context: Context, limit: number) {
    this.context = context;
    this.limit = limit;
  }

  async readIn(
    session: Session,
    rows: ImageBlock,
    cols: ImageBlock | null,
    precision: Precision,
    part: { row: number; rows: number; col: number; cols: number },
  ): Promise<Loan> {
    const { row, col } = part;
    const blocks = [rows.key, rows.count, cols && [cols.key, cols.count]];
    const key = JSON.stringify([...blocks, precision, row, part.rows, col, part.cols]);
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return { buffer: known, release: () => {} };
    }
    const buffer = await readIn(session, precision, rows, cols, part);
    return { buffer, release: () => this.keep(session, key, buffer) };
  }

  /** Keeps a read-in, dropping older ones; one larger than the whole cache is not kept. */
  private keep(session: Session, key: string, buffer: DeviceBuffer): void {
    if (buffer.bytes > this.limit || this.entries.has(key)) {
      session.release(buffer);
      return;
    }
    this.entries.set(key, session.give(buffer));
    this.bytes += buffer.bytes;
    for (const [oldest, dropped] of this.entries) {
      if (this.bytes <= this.limit) break;
      this.entries.delete(oldest);
      this.bytes -= dropped.bytes;
      this.context.release(dropped);
    }
  }

  clear(): void {
    for (const buffer of this.entries.values()) this.context.release(buffer);
    this.entries.clear();
    this.bytes = 0;
  }
}
