/** The native engine: tiles computed by libtessera, off the main thread, on the widest instruction set there is. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import {
  allocateResult,
  type Engine,
  type ImageBlock,
  type TileResult,
  type TileTask,
} from '@tessera/engine';
import { type Architecture, inputCount, TesseraError } from '@tessera/spec';
import { type Gram, GramCache } from './gram-cache.js';
import { type InstructionSet, type Library, loadLibrary } from './library.js';
import { networkNumbers } from './network-numbers.js';

const VERSION = '0.1.0';
const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;

export interface NativeEngineOptions {
  /** Threads of one call (default 1: workers run several calls at once, and bits do not depend on it). */
  threads?: number;
  /** Bound of the cache of read-in covariances. */
  cacheBytes?: number;
  /** Force an instruction set by name, for tests; default the widest this CPU has. */
  instructionSet?: string;
}

/** Names of the instruction sets this machine can run, widest first. */
export const instructionSets = (): string[] => loadLibrary().instructionSets.map(({ name }) => name);

/**
 * Opens the native engine.
 * @throws TesseraError `native-missing` when the library is not built; `engine-failed` for an unknown instruction set
 */
export function openNativeEngine(options: NativeEngineOptions = {}): Engine {
  return new NativeEngine(loadLibrary(), options);
}

class NativeEngine implements Engine {
  readonly info;
  private readonly library: Library;
  private readonly isa: InstructionSet;
  private readonly threads: number;
  private readonly grams: GramCache;

  constructor(library: Library, options: NativeEngineOptions) {
    const wanted = options.instructionSet;
    const isa = library.instructionSets.find(({ name }) => wanted === undefined || name === wanted);
    if (isa === undefined) throw new TesseraError('engine-failed', `This CPU does not run ${wanted}.`);
    this.library = library;
    this.isa = isa;
    this.threads = Math.max(1, Math.min(options.threads ?? 1, availableParallelism()));
    this.grams = new GramCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    const fingerprint = createHash('sha256')
      .update(`native ${VERSION} ${isa.name} ${library.buildHash}`)
      .digest('hex');
    this.info = {
      name: 'native',
      version: VERSION,
      device: 'cpu',
      instructionSet: isa.name,
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
    this.grams.clear();
  }

  private async computeFcn(task: TileTask, result: TileResult, signal?: AbortSignal): Promise<void> {
    const { covariance, rowVariance, colVariance } = await this.gramOf(task.rows, task.cols, signal);
    const { integers, numbers, depths } = this.describe(task);
    const args = [Int32Array.from(integers), numbers, depths, covariance, rowVariance, colVariance];
    await this.library.call('fcn', [...args, result.nngp, result.ntk], signal);
  }

  private async computeCnn(task: TileTask, result: TileResult, signal?: AbortSignal): Promise<void> {
    const { shape } = task.rows;
    if ('inputs' in shape) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
    const { filterSize, padding, family } = task.architecture;
    const { integers, numbers, depths } = this.describe(task);
    const geometry = [shape.height, shape.width, shape.channels, filterSize];
    const flags = [Number(padding === 'circular'), Number(family === 'cnn-gap')];
    const args = [Int32Array.from([...integers, ...geometry, ...flags]), numbers, depths];
    const images = [task.rows.data, (task.cols ?? task.rows).data];
    await this.library.call('cnn', [...args, ...images, result.nngp, result.ntk], signal);
  }

  /** The arrays every C call begins with (library.cpp, fillTile). */
  private describe(task: TileTask) {
    const { kind, parameters } = networkNumbers(task.architecture.activation);
    const cols = task.cols ?? task.rows;
    const counts = [this.isa.index, this.threads, task.rows.count, cols.count];
    const kinds = [Number(task.cols === null), Number(task.precision === 'f32'), kind, task.depths.length];
    const order = task.depths.map((_, position) => position);
    order.sort((a, b) => (task.depths[a] as number) - (task.depths[b] as number));
    const sorted = order.map((position) => task.depths[position] as number);
    return {
      integers: [...counts, ...kinds],
      numbers: Float64Array.of(task.weightVariance, task.biasVariance, ...parameters),
      depths: Int32Array.from([...sorted, ...order]),
    };
  }

  /** K0 of a pair of blocks, and the variances of their images, from the cache where it was used lately. */
  private async gramOf(rows: ImageBlock, cols: ImageBlock | null, signal?: AbortSignal): Promise<Gram> {
    const key = JSON.stringify([rows.key, rows.count, cols && [cols.key, cols.count]]);
    const known = this.grams.get(key);
    if (known !== undefined) return known;
    const covariance = await this.product(rows, cols, signal);
    const rowVariance = cols === null ? diagonal(covariance, rows.count) : await this.variances(rows, signal);
    const colVariance = cols === null ? rowVariance : await this.variances(cols, signal);
    const gram = { covariance, rowVariance, colVariance };
    this.grams.set(key, gram);
    return gram;
  }

  private async product(
    rows: ImageBlock,
    cols: ImageBlock | null,
    signal?: AbortSignal,
  ): Promise<Float64Array> {
    const other = cols ?? rows;
    const gram = new Float64Array(rows.count * other.count);
    const counts = [this.isa.index, this.threads, rows.count, other.count, inputCount(rows.shape)];
    const integers = Int32Array.from([...counts, Number(cols === null)]);
    await this.library.call('gram', [integers, rows.data, other.data, gram], signal);
    return gram;
  }

  /** |x|^2 / n of each image, summed as the product sums: equal to the diagonal of a symmetric tile bit for bit. */
  private async variances(block: ImageBlock, signal?: AbortSignal): Promise<Float64Array> {
    const variances = new Float64Array(block.count);
    const integers = Int32Array.of(this.isa.index, block.count, inputCount(block.shape));
    await this.library.call('variance', [integers, block.data, variances], signal);
    return variances;
  }
}

function diagonal(matrix: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => matrix[i * size + i] as number);
}
