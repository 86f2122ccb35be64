/** The OpenCL engine: tiles computed on devices of one kind, by kernels that their driver compiles. */
import { createHash } from 'node:crypto';
import {
  allocateResult,
  type Engine,
  type EngineInfo,
  type TileResult,
  type TileTask,
} from '@tessera/engine';
import { type Architecture, TesseraError } from '@tessera/spec';
import { computeCnn } from './cnn.js';
import { type DeviceInfo, type FoundDevice, findDevices } from './devices.js';
import { computeFcn } from './fcn.js';
import { loadOpencl } from './opencl.js';
import { OpenedDevice } from './opened-device.js';
import { buildOptions, kernelHash } from './programs.js';
import { defaultShapes, type Shapes } from './shapes.js';
import { tunedShapes } from './tuning.js';

const VERSION = '0.1.0';
/** Of a device's memory, what tiles take unless told. */
const DEFAULT_SHARE = 0.8;
/** Devices that share the host's memory take less of it. */
const SHARED_SHARE = 0.25;

export interface OpenclEngineOptions {
  /** Which devices: those whose name contains the text. Default: the first kind of `listDevices`. */
  device?: string;
  /** How many of them at most; default all of one kind. */
  count?: number;
  /** Bytes of each device that tiles may take; default 4/5 of a GPU's memory. */
  memoryBytes?: number;
  /** A folder to keep work-group shapes in, which are tuned at the first tile; without it, and on CPUs, they follow from the kind of device. */
  cacheDir?: string;
  /** Another OpenCL library than the system's loader. */
  library?: string;
  /** At most so much local memory for a group, and these shapes, whatever suits the device: for tests. */
  localBytes?: number;
  shapes?: Shapes;
}

/**
 * Opens devices of one kind (one name, one driver: a fingerprint promises bits).
 * @throws TesseraError `native-missing` without OpenCL; `engine-failed` where no device fits
 */
export function openOpenclEngine(options: OpenclEngineOptions = {}): Engine {
  const opencl = loadOpencl(options.library);
  const all = findDevices(opencl);
  const named = all.filter(({ info }) => info.name.includes(options.device ?? ''));
  const first = named[0];
  if (first === undefined) {
    const there = all.length === 0 ? 'none' : all.map(({ info }) => info.name).join(', ');
    const wanted = options.device === undefined ? 'OpenCL device' : `OpenCL device named "${options.device}"`;
    throw new TesseraError('engine-failed', `There is no ${wanted} on this machine. Devices: ${there}.`);
  }
  const alike = named.filter((device) => identityOf(device.info) === identityOf(first.info));
  const opened = alike.slice(0, options.count).map(({ id, info }) => {
    const localBytes = Math.min(info.localBytes, options.localBytes ?? info.localBytes);
    return new OpenedDevice(opencl, { id, info: { ...info, localBytes } }, budgetOf(info, options));
  });
  return new OpenclEngine(opened, budgetOf(first.info, options), options);
}

const identityOf = ({ name, vendor, driver, platform }: DeviceInfo) =>
  JSON.stringify([name, vendor, driver, platform]);

const budgetOf = ({ memoryBytes, type }: DeviceInfo, options: OpenclEngineOptions): number =>
  Math.floor(options.memoryBytes ?? memoryBytes * (type === 'cpu' ? SHARED_SHARE : DEFAULT_SHARE));

class OpenclEngine implements Engine {
  readonly info: EngineInfo;
  private readonly devices: OpenedDevice[];
  private readonly options: OpenclEngineOptions;
  private shapes: Promise<Shapes> | null = null;

  constructor(devices: OpenedDevice[], memoryBytes: number, options: OpenclEngineOptions) {
    this.devices = devices;
    this.options = options;
    const { info } = (devices[0] as OpenedDevice).device satisfies FoundDevice;
    const identity = `${VERSION} ${identityOf(info)} ${buildOptions(info)} ${kernelHash}`;
    const hash = createHash('sha256').update(identity).digest('hex');
    this.info = {
      name: 'opencl',
      version: VERSION,
      device: devices.length > 1 ? `${devices.length} x ${info.name}` : info.name,
      instructionSet: `${info.platform} ${info.driver}`,
      memoryBytes,
      precisions: info.precisions,
      fingerprint: `opencl-${VERSION}-${hash.slice(0, 16)}`,
    };
  }

  supports({ family, activation, filterSize }: Architecture): string | null {
    if (family === 'fcn') return null;
    if (activation.name === 'tanh') return 'tanh is computed for fully connected networks alone.';
    return filterSize > 255 ? 'Filters are at most 255 pixels wide.' : null;
  }

  async computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult): Promise<TileResult> {
    const reason = this.supports(task.architecture) ?? this.refusal(task);
    if (reason !== null) throw new TesseraError('engine-failed', reason);
    const result = allocateResult(task, into);
    if (task.rows.count === 0 || task.cols?.count === 0 || task.depths.length === 0) return result;
    await this.runOnIdlest(task, result, await this.findShapes(), signal);
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.closeAfterTiles()));
  }

  private async runOnIdlest(
    task: TileTask,
    result: TileResult,
    shapes: Shapes,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const device = this.devices.reduce((least, each) => (each.waiting < least.waiting ? each : least));
    await device.run(signal, ({ session, cache }) =>
      task.architecture.family === 'fcn'
        ? computeFcn(session, task, result, shapes.fcn, cache)
        : computeCnn(session, task, result, shapes.cnn),
    );
  }

  /** Found once an engine; where that failed, by the next tile again. */
  private findShapes(): Promise<Shapes> {
    const { shapes, cacheDir } = this.options;
    const { info } = (this.devices[0] as OpenedDevice).device;
    // On a CPU compiling every candidate takes longer than the best of them saves.
    if (shapes !== undefined || cacheDir === undefined || info.type === 'cpu') {
      return Promise.resolve(shapes ?? defaultShapes(info));
    }
    if (this.shapes === null) {
      this.shapes = tunedShapes(info, cacheDir, async (task, tried) => {
        const result = allocateResult(task);
        const started = performance.now();
        await this.runOnIdlest(task, result, tried, undefined);
        return performance.now() - started;
      });
      this.shapes.catch(() => {
        this.shapes = null;
      });
    }
    return this.shapes;
  }

  private refusal({ precision }: TileTask): string | null {
    if (this.info.precisions.includes(precision)) return null;
    return `${this.info.device} has no double precision; ask for f32, or use another engine.`;
  }
}
