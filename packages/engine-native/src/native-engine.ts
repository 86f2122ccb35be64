/** The native engine: tiles computed by libtessera, off the main thread, on the best instruction set this CPU has. */
import { createHash } from 'node:crypto';
import {
  allocateResult,
  type Engine,
  type ImageBlock,
  type TileResult,
  type TileTask,
} from '@tessera/engine';
import { type Architecture, TesseraError } from '@tessera/spec';
import { type ReadIn, readIn, runFcn } from './fcn.js';
import { loadLibrary } from './library.js';
import { type Machine, type MachineOptions, openMachine } from './machine.js';
import { ReadInCache } from './read-in-cache.js';
import { outputsOf, tileNumbers } from './tile.js';

const VERSION = '0.2.0';
const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;

export interface NativeEngineOptions extends MachineOptions {
  /** Bound of the cache of read-ins. */
  cacheBytes?: number;
}

/** Names of the instruction sets this machine can run, the best for it first. */
export const instructionSets = (): string[] => loadLibrary().instructionSets.map(({ name }) => name);

/**
 * Opens the native engine.
 * @throws TesseraError `native-missing` when the library is not built; `engine-failed` for an unknown instruction set
 */
export function openNativeEngine(options: NativeEngineOptions = {}): Engine {
  return new NativeEngine(openMachine(options), options);
}

class NativeEngine implements Engine {
  readonly info;
  private readonly machine: Machine;
  private readonly readIns: ReadInCache;

  constructor(machine: Machine, options: NativeEngineOptions) {
    this.machine = machine;
    this.readIns = new ReadInCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    const { library, isa } = machine;
    const fingerprint = createHash('sha256')
      .update(`native ${VERSION} ${isa.name} ${library.buildHash}`)
      .digest('hex');
    this.info = {
      name: 'native',
      version: VERSION,
      device: 'cpu',
      instructionSet: isa.name,
      memoryBytes: null,
      precisions: ['f64' as const, 'f32' as const],
      fingerprint: `native-${VERSION}-${isa.name}-${fingerprint.slice(0, 16)}`,
    };
  }

  supports({ family, activation, filterSize }: Architecture): string | null {
    if (family === 'fcn') return null;
    if (activation.name === 'tanh') return 'tanh is computed for fully connected networks alone.';
    return filterSize > 255 ? 'Filters are at most 255 pixels wide.' : null;
  }

  async computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult): Promise<TileResult> {
    const reason = this.supports(task.architecture);
    if (reason !== null) throw new TesseraError('engine-failed', reason);
    const result = allocateResult(task, into);
    if (task.rows.count === 0 || task.cols?.count === 0 || task.depths.length === 0) return result;
    if (task.architecture.family === 'fcn') await this.computeFcn(task, result, signal);
    else await this.computeCnn(task, result, signal);
    return result;
  }

  async close(): Promise<void> {
    this.readIns.clear();
  }

  private async computeFcn(task: TileTask, result: TileResult, signal?: AbortSignal): Promise<void> {
    await runFcn(this.machine, task, await this.readInOf(task.rows, task.cols, signal), result, signal);
  }

  private async computeCnn(task: TileTask, result: TileResult, signal?: AbortSignal): Promise<void> {
    const { shape } = task.rows;
    if ('inputs' in shape) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
    const { filterSize, padding, family } = task.architecture;
    const { integers, numbers, depths } = tileNumbers(this.machine, task);
    const geometry = [shape.height, shape.width, shape.channels, filterSize];
    const flags = [Number(padding === 'circular'), Number(family === 'cnn-gap')];
    const args = [Int32Array.from([...integers, ...geometry, ...flags]), numbers, depths];
    const images = [task.rows.data, (task.cols ?? task.rows).data];
    await this.machine.library.call('cnn', [...args, ...images, ...outputsOf(result)], signal);
  }

  /** The read-in of a pair of blocks, from the cache where it was used lately. */
  private async readInOf(rows: ImageBlock, cols: ImageBlock | null, signal?: AbortSignal): Promise<ReadIn> {
    const key = JSON.stringify([rows.key, rows.count, cols && [cols.key, cols.count]]);
    const known = this.readIns.get(key);
    if (known !== undefined) return known;
    const fresh = await readIn(this.machine, rows, cols, signal);
    this.readIns.set(key, fresh);
    return fresh;
  }
}
