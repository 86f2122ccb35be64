/** One tile's use of a device: its buffers within the budget, its launches, its transfers. Everything is given back at the end. */
import { TesseraError } from '@tessera/spec';
import type { Context, DeviceBuffer, Kernel } from './context.js';
import { type Handle, handles, ignoringLoss, sizes } from './opencl.js';

/** A kernel's argument: an int, a buffer, no buffer, room in local memory, or a number of another type. */
export type Argument =
  | number
  | DeviceBuffer
  | null
  | { localBytes: number }
  | { bits: Float64Array | Float32Array };

interface Launched {
  event: Handle;
  kernel: Kernel;
  units: number;
  at: number;
  /** Buffers that are given back once it has run. */
  retired: DeviceBuffer[];
}

export type HostArray = Float64Array | Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** A block of an array in memory: its first byte, and how far its rows and planes are apart. */
export interface Pitched {
  offset: number;
  rowPitch: number;
  planePitch: number;
}

/** Launches under way while the next is prepared. */
const MOST_PENDING = 2;

export class Session {
  readonly context: Context;
  private readonly budget: number;
  private readonly signal: AbortSignal | undefined;
  private readonly buffers = new Set<DeviceBuffer>();
  private readonly pending: Launched[] = [];
  /** Uploads that the next launch waits for, and what they read from. */
  private uploads: Handle[] = [];
  private readonly kept: unknown[] = [];
  private readonly reads: Handle[] = [];
  private readonly waits = new Set<Promise<void>>();
  private usedBytes = 0;
  private lastDone = 0;

  constructor(context: Context, budget: number, signal: AbortSignal | undefined) {
    this.context = context;
    this.budget = budget;
    this.signal = signal;
  }

  get freeBytes(): number {
    return this.budget - this.usedBytes;
  }

  checkCancelled(): void {
    if (this.signal?.aborted) throw new TesseraError('cancelled', 'The tile was cancelled.');
  }

  /** @throws TesseraError `engine-failed` where the budget does not hold it */
  allocate(bytes: number): DeviceBuffer {
    const { info } = this.context.device;
    const most = Math.min(this.freeBytes, info.bufferBytes);
    if (bytes > most) {
      throw new TesseraError(
        'engine-failed',
        `The tile needs ${mebibytes(bytes)} more of ${info.name}'s memory and may take ${mebibytes(most)}; use smaller tiles, ` +
          'fewer depths in one experiment, or a larger memory budget.',
      );
    }
    const buffer = this.context.allocate(Math.max(16, bytes));
    this.buffers.add(buffer);
    this.usedBytes += buffer.bytes;
    return buffer;
  }

  /** Gives a buffer back once everything launched so far has run. */
  release(buffer: DeviceBuffer): void {
    const last = this.pending.at(-1);
    if (last === undefined) this.giveBack(buffer);
    else last.retired.push(buffer);
  }

  private giveBack(buffer: DeviceBuffer): void {
    if (!this.buffers.delete(buffer)) return;
    this.usedBytes -= buffer.bytes;
    this.context.release(buffer);
  }

  /** Waits until so many bytes are free, as far as buffers given back make them so. */
  async reserve(bytes: number): Promise<void> {
    while (this.freeBytes < bytes && this.pending.length > 0) await this.settle();
  }

  /** A buffer, once it fits. */
  async take(bytes: number): Promise<DeviceBuffer> {
    await this.reserve(bytes);
    return this.allocate(bytes);
  }

  /** Hands a buffer over to somebody who keeps it beyond this tile. */
  give(buffer: DeviceBuffer): DeviceBuffer {
    if (this.buffers.delete(buffer)) this.usedBytes -= buffer.bytes;
    return buffer;
  }

  /** A buffer with these numbers, by the transfer queue; the next launch waits for it. */
  upload(data: HostArray): DeviceBuffer {
    const buffer = this.allocate(data.byteLength);
    if (data.byteLength === 0) return buffer;
    const event = new BigUint64Array(1);
    const { opencl, transfer } = this.context;
    this.kept.push(data);
    opencl.call('clEnqueueWriteBuffer', transfer, buffer.handle, 0, 0, data.byteLength, data, 0, null, event);
    this.uploads.push(event[0] as bigint);
    return buffer;
  }

  /** Enqueues a kernel; returns once few enough launches are under way. `units`: its work, for the kernel's pacer. */
  async launch(
    kernel: Kernel,
    global: number[],
    local: number[],
    args: Argument[],
    units = 0,
  ): Promise<void> {
    this.checkCancelled();
    const { opencl, compute, transfer } = this.context;
    for (const [index, argument] of args.entries()) {
      if (typeof argument === 'number') {
        opencl.call('clSetKernelArg', kernel.handle, index, 4, Int32Array.of(argument));
      } else if (argument !== null && 'bits' in argument) {
        opencl.call('clSetKernelArg', kernel.handle, index, argument.bits.byteLength, argument.bits);
      } else if (argument !== null && 'localBytes' in argument) {
        opencl.call('clSetKernelArg', kernel.handle, index, argument.localBytes, null);
      } else {
        opencl.call('clSetKernelArg', kernel.handle, index, 8, handles(argument?.handle ?? 0));
      }
    }
    const event = new BigUint64Array(1);
    const waits = this.uploads;
    if (waits.length > 0) opencl.call('clFlush', transfer);
    const rounded = global.map((items, axis) => roundUp(items, local[axis] as number));
    const at = performance.now();
    const enqueue = [
      compute,
      kernel.handle,
      rounded.length,
      null,
      sizes(...rounded),
      sizes(...local),
      waits.length,
      waits.length > 0 ? handles(...waits) : null,
      event,
    ];
    // Some drivers compile at the first launch of a shape.
    const shape = local.join();
    if (kernel.launched.has(shape)) opencl.call('clEnqueueNDRangeKernel', ...enqueue);
    else await opencl.callAsync('clEnqueueNDRangeKernel', ...enqueue);
    kernel.launched.add(shape);
    for (const upload of waits) opencl.call('clReleaseEvent', upload);
    this.uploads = [];
    opencl.call('clFlush', compute);
    this.pending.push({ event: event[0] as bigint, kernel, units, at, retired: [] });
    while (this.pending.length > MOST_PENDING) await this.settle();
  }

  /** Waits for the oldest launch. */
  private async settle(): Promise<void> {
    const launched = this.pending[0];
    if (launched === undefined) return;
    const { opencl } = this.context;
    await opencl.callAsync('clWaitForEvents', 1, handles(launched.event));
    this.pending.shift();
    this.settled(launched);
    const now = performance.now();
    const took = now - Math.max(launched.at, this.lastDone);
    this.lastDone = now;
    if (launched.units > 0) launched.kernel.pacer.record(launched.units, took);
  }

  private settled({ event, retired }: Launched): void {
    this.context.opencl.call('clReleaseEvent', event);
    for (const buffer of retired) this.giveBack(buffer);
  }

  /** Waits for every launch so far. */
  async finish(): Promise<void> {
    if (this.pending.length === 1) await this.settle();
    if (this.pending.length > 0) {
      const events = this.pending.map(({ event }) => event);
      await this.context.opencl.callAsync('clWaitForEvents', events.length, handles(...events));
      for (const launched of this.pending.splice(0)) this.settled(launched);
      this.lastDone = performance.now();
    }
    this.checkCancelled();
  }

  /** Begins to read a whole buffer on the transfer queue once everything launched so far has run. */
  read(buffer: DeviceBuffer, to: HostArray): void {
    if (to.byteLength === 0) return;
    const { opencl, transfer } = this.context;
    this.readBy((...waits) =>
      opencl.call('clEnqueueReadBuffer', transfer, buffer.handle, 0, 0, to.byteLength, to, ...waits),
    );
    this.kept.push(to);
  }

  /**
   * Begins to read a block of planes of rows, `region` bytes x rows x planes, on the transfer queue once everything launched so
   * far has run; launches go on meanwhile.
   */
  readBlock(buffer: DeviceBuffer, from: Pitched, to: HostArray, into: Pitched, region: number[]): void {
    const { opencl, transfer } = this.context;
    this.readBy((...waits) =>
      opencl.call(
        'clEnqueueReadBufferRect',
        transfer,
        buffer.handle,
        0,
        sizes(...origin(from)),
        sizes(...origin(into)),
        sizes(...region),
        from.rowPitch,
        from.planePitch,
        into.rowPitch,
        into.planePitch,
        to,
        ...waits,
      ),
    );
    this.kept.push(to);
  }

  private readBy(enqueue: (waits: number, waitFor: unknown, event: BigUint64Array) => void): void {
    const last = this.pending.at(-1);
    const event = new BigUint64Array(1);
    enqueue(last === undefined ? 0 : 1, last === undefined ? null : handles(last.event), event);
    this.reads.push(event[0] as bigint);
  }

  /** Settles when every read begun so far has ended. */
  async readsDone(): Promise<void> {
    const events = this.reads.splice(0);
    if (events.length === 0) return;
    const { opencl, transfer } = this.context;
    opencl.call('clFlush', transfer);
    const waiting = opencl.callAsync('clWaitForEvents', events.length, handles(...events)).finally(() => {
      for (const event of events) opencl.call('clReleaseEvent', event);
    });
    this.waits.add(waiting);
    // Whoever awaits it sees its error; closing waits for it whatever comes of it.
    waiting.finally(() => this.waits.delete(waiting)).catch(() => {});
    await waiting;
  }

  /** Waits for what still runs, whatever came of it, and gives every buffer back. */
  async close(): Promise<void> {
    const { opencl, compute, transfer } = this.context;
    const events = [...this.pending.map(({ event }) => event), ...this.uploads, ...this.reads];
    if (events.length > 0) {
      await Promise.allSettled([
        opencl.callAsync('clFinish', compute),
        opencl.callAsync('clFinish', transfer),
      ]);
    }
    await Promise.allSettled(this.waits);
    const releases = [
      ...events.map((event) => () => opencl.call('clReleaseEvent', event)),
      ...[...this.buffers].map((buffer) => () => this.context.release(buffer)),
    ];
    for (const release of releases) ignoringLoss(release);
    this.pending.length = 0;
    this.uploads = [];
    this.reads.length = 0;
    this.buffers.clear();
    this.kept.length = 0;
  }
}

/** The byte, row and plane where a pitched block begins. */
function origin({ offset, rowPitch, planePitch }: Pitched): number[] {
  const plane = Math.floor(offset / planePitch);
  const rest = offset - plane * planePitch;
  return [rest % rowPitch, Math.floor(rest / rowPitch), plane];
}

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;
