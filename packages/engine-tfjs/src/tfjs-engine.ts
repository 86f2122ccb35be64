/** The TensorFlow.js engine: tiles as whole-array operations in float32, on whatever its backend computes. */
import {
  allocateResult,
  type Engine,
  type ImageBlock,
  type TileResult,
  type TileTask,
} from '@tessera/engine';
import { type Architecture, TesseraError } from '@tessera/spec';
import { Algebra } from './algebra.js';
import { type Backend, type BackendName, openBackend } from './backends.js';
import { pairDualOf } from './duals/pair-dual.js';
import { pauseFor } from './pace.js';
import { vectorComplements } from './read-in.js';
import { ReadInCache } from './read-in-cache.js';
import { computeInto, type VectorReadIn } from './tile.js';

const VERSION = '0.1.0';
const CACHE_BYTES = 256 * 2 ** 20;

export interface TfjsEngineOptions {
  /** Default: the best that is installed. */
  backend?: BackendName;
  /** Entries of one tensor of pairs; default: what keeps the backend busy. */
  entries?: number;
}

/**
 * Opens the engine. A process has one backend.
 * @throws TesseraError `engine-failed` where the backend is not installed, does not start, or another one is open
 */
export async function openTfjsEngine({ backend, entries }: TfjsEngineOptions = {}): Promise<Engine> {
  const opened = await openBackend(backend);
  return new TfjsEngine(entries === undefined ? opened : { ...opened, entries });
}

class TfjsEngine implements Engine {
  readonly info;
  readonly #backend: Backend;
  readonly #readIns = new ReadInCache(CACHE_BYTES);

  constructor(backend: Backend) {
    this.#backend = backend;
    const { name, device, version } = backend;
    this.info = {
      name: 'tfjs',
      version: VERSION,
      device: `${device} (${name})`,
      instructionSet: name,
      precisions: ['f32' as const],
      memoryBytes: device === 'gpu' ? memoryOf(backend) : null,
      fingerprint: `tfjs-${VERSION}-${version}-${name}-${device}`,
    };
  }

  supports({ activation }: Architecture): string | null {
    if (pairDualOf(activation) === null) {
      return `The TensorFlow.js engine has no ${activation.name}: use the native engine.`;
    }
    return null;
  }

  async computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult): Promise<TileResult> {
    const reason = this.supports(task.architecture);
    if (reason !== null) throw new TesseraError('engine-failed', reason);
    if (task.precision !== 'f32') {
      throw new TesseraError('engine-failed', 'TensorFlow.js has no float64: ask for precision f32.');
    }
    if (task.architecture.family !== 'fcn' && 'inputs' in task.rows.shape) {
      throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
    }
    const result = allocateResult(task, into);
    const pause = pauseFor(signal);
    await pause();
    if (task.rows.count === 0 || task.cols?.count === 0 || task.depths.length === 0) return result;
    const readIn: VectorReadIn = async (rows: ImageBlock, cols: ImageBlock) => {
      const key = JSON.stringify([rows.key, rows.count, cols.key, cols.count]);
      const known = this.#readIns.get(key);
      if (known !== undefined) return known;
      const o = new Algebra();
      try {
        const fresh = await vectorComplements(o, rows, cols, pause);
        this.#readIns.set(key, fresh);
        return fresh;
      } finally {
        o.dispose();
      }
    };
    await computeInto(result, task, this.#backend, readIn, pause);
    return result;
  }

  async close(): Promise<void> {
    this.#readIns.clear();
  }
}

/** Tensors of pairs that are alive at a time, with what TensorFlow rounds their sizes up by. */
const aliveTensors = 32;

const memoryOf = ({ entries, tableBytes }: Backend): number => 4 * aliveTensors * entries + tableBytes;
