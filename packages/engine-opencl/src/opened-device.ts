/** A device for one tile at a time: opened at first use, made anew after it was lost. */
import { TesseraError } from '@tessera/spec';
import { Context } from './context.js';
import type { FoundDevice } from './devices.js';
import { ignoringLoss, type Opencl, OpenclError } from './opencl.js';
import { ReadInCache } from './read-in-cache.js';
import { Session } from './session.js';

/** Of the budget, what read-ins may keep between tiles. */
const CACHE_SHARE = 1 / 4;

export interface Turn {
  session: Session;
  cache: ReadInCache;
}

export class OpenedDevice {
  readonly device: FoundDevice;
  /** Tiles that have it or wait for it. */
  waiting = 0;
  private readonly opencl: Opencl;
  private readonly budget: number;
  private last: Promise<unknown> = Promise.resolve();
  private opened: { context: Context; cache: ReadInCache } | null = null;

  constructor(opencl: Opencl, device: FoundDevice, budget: number) {
    this.opencl = opencl;
    this.device = device;
    this.budget = budget;
  }

  /**
   * Runs a tile on the device once those before it have ended.
   * @throws TesseraError `engine-failed` where the driver fails; the next tile then gets a new context
   */
  async run(signal: AbortSignal | undefined, work: (turn: Turn) => Promise<void>): Promise<void> {
    this.waiting++;
    const before = this.last;
    const turn = before.then(() => this.take(signal, work));
    this.last = turn.catch(() => {});
    try {
      await turn;
    } finally {
      this.waiting--;
    }
  }

  private async take(signal: AbortSignal | undefined, work: (turn: Turn) => Promise<void>): Promise<void> {
    if (signal?.aborted) throw new TesseraError('cancelled', 'The tile was cancelled.');
    try {
      this.opened ??= this.open();
      const { context, cache } = this.opened;
      const session = new Session(context, this.budget * (1 - CACHE_SHARE), signal);
      try {
        await work({ session, cache });
      } finally {
        await session.close();
      }
    } catch (error) {
      if (!(error instanceof OpenclError)) throw error;
      await this.close();
      const { name, driver } = this.device.info;
      throw new TesseraError(
        'engine-failed',
        `${name} (driver ${driver}) failed: ${error.message}. The next tile opens it anew; where that fails too, look at the ` +
          "driver's messages, or let tiles take less of its memory.",
        { cause: error },
      );
    }
  }

  private open() {
    const context = new Context(this.opencl, this.device);
    return { context, cache: new ReadInCache(context, this.budget * CACHE_SHARE) };
  }

  /** Waits for the tiles under way and gives the device back. */
  async closeAfterTiles(): Promise<void> {
    await this.last;
    await this.close();
  }

  private async close(): Promise<void> {
    const { opened } = this;
    this.opened = null;
    if (opened === null) return;
    ignoringLoss(() => opened.cache.clear());
    await opened.context.dispose();
  }
}
