/** A device's measured limits, for benchmarks. */
import { type Activation, type Precision, TesseraError } from '@tessera/spec';
import { Context, type DeviceBuffer, type Kernel } from './context.js';
import { type DeviceInfo, findDevices } from './devices.js';
import { kindOfActivation, networkNumbers, parameterCounts } from './network-numbers.js';
import { loadOpencl } from './opencl.js';
import { type ProgramChoice, realBytes, wideArray } from './programs.js';
import { type Argument, Session } from './session.js';

export { type DeviceInfo, listDevices } from './devices.js';

/** Of one device in one precision. */
export interface Limits {
  /** Multiply-adds count as two. */
  flopsPerSecond: number;
  /** Read plus written. */
  bytesPerSecond: number;
  /** From the device into an array of the host. */
  hostBytesPerSecond: number;
  /** Seconds of one entry's layer of `activation` on registers alone, all items of the device at work. */
  secondsPerEntryLayer: number;
}

const ITEMS = 256;
/** Groups for each compute unit, so that every one has work to switch to. */
const GROUPS_PER_UNIT = 32;
const CHAINS = 8;
/** Of one timed launch; a CPU is only tried. */
const LEAST_MS = { gpu: 100, accelerator: 100, cpu: 15 };
const RUNS = 5;
const COPY_BYTES = 256 * 2 ** 20;

/** Measures the first device that an engine with the same `device` would open. */
export async function measureLimits(
  activation: Activation,
  precision: Precision,
  options: { device?: string; library?: string } = {},
): Promise<{ device: DeviceInfo; limits: Limits }> {
  const opencl = loadOpencl(options.library);
  const found = findDevices(opencl).find(({ info }) => info.name.includes(options.device ?? ''));
  if (found === undefined) throw new TesseraError('engine-failed', 'There is no OpenCL device to measure.');
  const context = new Context(opencl, found);
  const session = new Session(context, found.info.memoryBytes / 2, undefined);
  try {
    const limits = await new Measurement(session, activation, precision).run();
    return { device: found.info, limits };
  } finally {
    await session.close();
    await context.dispose();
  }
}

class Measurement {
  private readonly session: Session;
  private readonly activation: Activation;
  private readonly precision: Precision;
  private readonly info: DeviceInfo;
  private readonly choice: ProgramChoice;

  constructor(session: Session, activation: Activation, precision: Precision) {
    this.session = session;
    this.activation = activation;
    this.precision = precision;
    this.info = session.context.device.info;
    this.choice = { of: 'limits', activation: kindOfActivation(activation), precision, sizes: {} };
  }

  async run(): Promise<Limits> {
    const items = this.info.computeUnits * GROUPS_PER_UNIT * ITEMS;
    const out = this.session.allocate(items * realBytes(this.precision));
    const by = this.real(0.999);
    const rate = await this.best('multiply_adds', items, (steps) => [steps, by, out]);
    const seconds = await this.layerSeconds(items, out);
    this.session.release(out);
    return {
      flopsPerSecond: rate * items * CHAINS * 2,
      bytesPerSecond: await this.copyRate(items),
      hostBytesPerSecond: await this.hostRate(),
      secondsPerEntryLayer: 1 / (seconds * items),
    };
  }

  private real(value: number): Argument {
    return { bits: this.precision === 'f64' ? Float64Array.of(value) : Float32Array.of(value) };
  }

  /** Steps a second of a kernel whose argument says how many it makes: the most of several runs, each long enough to be timed. */
  private async best(name: string, items: number, argsOf: (steps: number) => Argument[]): Promise<number> {
    const kernel = await this.session.context.kernel(this.choice, name);
    let steps = 64;
    let ms = await this.time(kernel, items, argsOf(steps));
    while (ms < LEAST_MS[this.info.type] && steps < 2 ** 24) {
      steps *= 2;
      ms = await this.time(kernel, items, argsOf(steps));
    }
    const times = [ms];
    for (let run = 1; run < RUNS; run++) times.push(await this.time(kernel, items, argsOf(steps)));
    return (1000 * steps) / Math.min(...times);
  }

  private async time(kernel: Kernel, items: number, args: Argument[]): Promise<number> {
    const started = performance.now();
    await this.session.launch(kernel, [items], [ITEMS], args);
    await this.session.finish();
    return performance.now() - started;
  }

  private async copyRate(items: number): Promise<number> {
    const { session, info } = this;
    const bytes = Math.min(COPY_BYTES, Math.floor(info.bufferBytes / 2));
    const count = Math.floor(bytes / realBytes(this.precision));
    const [from, to] = [session.allocate(bytes), session.allocate(bytes)] as [DeviceBuffer, DeviceBuffer];
    const kernel = await session.context.kernel(this.choice, 'copy_numbers');
    const times: number[] = [];
    for (let run = 0; run <= RUNS; run++) times.push(await this.time(kernel, items, [count, from, to]));
    session.release(from);
    session.release(to);
    return (1000 * 2 * count * realBytes(this.precision)) / Math.min(...times.slice(1));
  }

  private async hostRate(): Promise<number> {
    const { session, info } = this;
    const bytes = Math.min(COPY_BYTES, Math.floor(info.bufferBytes / 2));
    const from = session.allocate(bytes);
    const to = new Uint8Array(from.bytes);
    const times: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      const started = performance.now();
      session.read(from, to);
      await session.readsDone();
      times.push(performance.now() - started);
    }
    session.release(from);
    return (1000 * from.bytes) / Math.min(...times.slice(1));
  }

  private async layerSeconds(items: number, out: DeviceBuffer): Promise<number> {
    const { session, info } = this;
    const task = { biasVariance: 0.1, referenceVariance: 0.5, weightVariance: 1.5 };
    const architecture = {
      family: 'fcn',
      activation: this.activation,
      filterSize: 3,
      padding: 'same',
    } as const;
    const net = session.upload(
      wideArray(info, networkNumbers({ ...task, architecture }, task.weightVariance)),
    );
    const { own } = parameterCounts[this.choice.activation];
    const Numbers = this.precision === 'f64' ? Float64Array : Float32Array;
    const numbers = session.upload(new Numbers(2 * own + 2).fill(0.7));
    return this.best('layers_on_registers', items, (layers) => [net, layers, numbers, out]);
  }
}
