/** A device with everything made on it: a context, a queue for computing and one for transfers, and the compiled programs. */
import { TesseraError } from '@tessera/spec';
import type { FoundDevice } from './devices.js';
import { type Handle, handles, ignoringLoss, type Opencl, OpenclError, queryText } from './opencl.js';
import { Pacer } from './pacer.js';
import { buildOptions, type ProgramChoice, programKey, programSource } from './programs.js';

const BUILD_LOG = 0x1183;
const READ_WRITE = 1;
const LOG_LINES = 40;

export interface DeviceBuffer {
  handle: Handle;
  bytes: number;
}

export interface Kernel {
  name: string;
  handle: Handle;
  pacer: Pacer;
  /** Shapes of work-groups it has been launched with. */
  launched: Set<string>;
}

interface Program {
  handle: Handle;
  kernels: Map<string, Kernel>;
}

export class Context {
  readonly opencl: Opencl;
  readonly device: FoundDevice;
  readonly compute: Handle;
  readonly transfer: Handle;
  private readonly context: Handle;
  private readonly programs = new Map<string, Promise<Program>>();

  constructor(opencl: Opencl, device: FoundDevice) {
    this.opencl = opencl;
    this.device = device;
    this.context = opencl.create('clCreateContext', null, 1, handles(device.id), null, null);
    this.compute = opencl.create('clCreateCommandQueue', this.context, device.id, 0);
    this.transfer = opencl.create('clCreateCommandQueue', this.context, device.id, 0);
  }

  allocate(bytes: number): DeviceBuffer {
    return { handle: this.opencl.create('clCreateBuffer', this.context, READ_WRITE, bytes, null), bytes };
  }

  release({ handle }: DeviceBuffer): void {
    this.opencl.call('clReleaseMemObject', handle);
  }

  /** @throws TesseraError `engine-failed` with the compiler's log */
  async kernel(choice: ProgramChoice, name: string): Promise<Kernel> {
    const key = programKey(choice);
    let building = this.programs.get(key);
    if (building === undefined) {
      building = this.build(choice);
      this.programs.set(key, building);
    }
    const program = await building;
    let kernel = program.kernels.get(name);
    if (kernel === undefined) {
      kernel = {
        name,
        handle: this.opencl.create('clCreateKernel', program.handle, name),
        pacer: new Pacer(),
        launched: new Set(),
      };
      program.kernels.set(name, kernel);
    }
    return kernel;
  }

  private async build(choice: ProgramChoice): Promise<Program> {
    const { opencl, device } = this;
    const source = programSource(device.info, choice);
    const handle = opencl.create('clCreateProgramWithSource', this.context, 1, [source], null);
    try {
      const options = buildOptions(device.info, choice.registers);
      await opencl.callAsync('clBuildProgram', handle, 1, handles(device.id), options, null, null);
    } catch (error) {
      if (!(error instanceof OpenclError)) throw error;
      const log = queryText(opencl, 'clGetProgramBuildInfo', handle, device.id, BUILD_LOG);
      opencl.call('clReleaseProgram', handle);
      throw new TesseraError(
        'engine-failed',
        `${device.info.name} (driver ${device.info.driver}) does not compile the ${choice.of} kernels for ` +
          `${choice.activation} in ${choice.precision} (${error.message}). Its compiler says:\n${firstLines(log)}`,
        { cause: error },
      );
    }
    return { handle, kernels: new Map() };
  }

  /** Gives everything back that is not a buffer; a lost device may refuse, and has nothing left to give. */
  async dispose(): Promise<void> {
    const programs = await Promise.allSettled(this.programs.values());
    this.programs.clear();
    for (const built of programs) {
      if (built.status === 'rejected') continue;
      for (const { handle } of built.value.kernels.values())
        ignoringLoss(() => this.opencl.call('clReleaseKernel', handle));
      ignoringLoss(() => this.opencl.call('clReleaseProgram', built.value.handle));
    }
    ignoringLoss(() => this.opencl.call('clReleaseCommandQueue', this.compute));
    ignoringLoss(() => this.opencl.call('clReleaseCommandQueue', this.transfer));
    ignoringLoss(() => this.opencl.call('clReleaseContext', this.context));
  }
}

function firstLines(log: string): string {
  const lines = log.split('\n');
  const rest = lines.length - LOG_LINES;
  return rest > 0 ? `${lines.slice(0, LOG_LINES).join('\n')}\n... and ${rest} lines more` : log;
}
