/** The OpenCL devices of a machine, and what the engine needs to know of them. */
import { type Precision, TesseraError } from '@tessera/spec';
import { type Handle, loadOpencl, type Opencl, OpenclError, queryBytes, queryText } from './opencl.js';

export interface DeviceInfo {
  name: string;
  vendor: string;
  platform: string;
  driver: string;
  /** OpenCL's own kinds. */
  type: 'gpu' | 'accelerator' | 'cpu';
  precisions: Precision[];
  memoryBytes: number;
  /** The largest single buffer. */
  bufferBytes: number;
  localBytes: number;
  computeUnits: number;
  /** Items that run in step: NVIDIA's warp, AMD's wavefront, Intel's SIMD width, of a CPU what its vectors hold; 1 where unknown. */
  subGroupWidth: number;
  workGroupItems: number;
  /** Whether float divisions and roots can be rounded correctly. */
  correctlyRounded: boolean;
}

export interface FoundDevice {
  id: Handle;
  info: DeviceInfo;
}

/** The platform whose compiler can be told how many registers to take. */
export const NVIDIA = 'NVIDIA CUDA';

/** The names of cl.h. */
const PLATFORM_NAME = 0x0902;
const DEVICE = {
  type: 0x1000,
  computeUnits: 0x1002,
  workGroupItems: 0x1004,
  preferredFloats: 0x100a,
  bufferBytes: 0x1010,
  singleConfig: 0x101b,
  globalMemory: 0x101f,
  localMemory: 0x1023,
  available: 0x1027,
  compiler: 0x1028,
  name: 0x102b,
  vendor: 0x102c,
  driver: 0x102d,
  extensions: 0x1030,
  doubleConfig: 0x1032,
  warp: 0x4003,
  wavefront: 0x4043,
} as const;
const types = { 2: 'cpu', 4: 'gpu', 8: 'accelerator' } as const;
const CORRECTLY_ROUNDED = 1n << 7n;
const ALL_DEVICES = 0xffffffff;
const NO_PLATFORM = -1001;
const NO_DEVICE = -1;

/**
 * Every device that is available and has a compiler, GPUs first, those with more memory before others.
 * @param library the path of another OpenCL library than the system's loader
 * @throws TesseraError `native-missing` where there is no OpenCL library
 */
export function listDevices(library?: string): DeviceInfo[] {
  return findDevices(loadOpencl(library)).map(({ info }) => info);
}

/** Whether OpenCL names a GPU, one whose name contains `device`. */
export function findsCard(device: string | null): boolean {
  try {
    return listDevices().some(({ type, name }) => type === 'gpu' && name.includes(device ?? ''));
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'native-missing') return false;
    throw error;
  }
}

export function findDevices(opencl: Opencl): FoundDevice[] {
  const found: FoundDevice[] = [];
  for (const platform of idsOf(opencl, 'clGetPlatformIDs', [], NO_PLATFORM)) {
    const platformName = queryText(opencl, 'clGetPlatformInfo', platform, PLATFORM_NAME);
    for (const id of idsOf(opencl, 'clGetDeviceIDs', [platform, ALL_DEVICES], NO_DEVICE)) {
      const isUsable = [DEVICE.available, DEVICE.compiler].every((name) => number(opencl, id, name) === 1n);
      if (isUsable) found.push({ id, info: describe(opencl, id, platformName) });
    }
  }
  const order = ['gpu', 'accelerator', 'cpu'];
  const rank = ({ info }: FoundDevice) => order.indexOf(info.type);
  return found.sort((a, b) => rank(a) - rank(b) || b.info.memoryBytes - a.info.memoryBytes);
}

/** The two-call protocol of clGetPlatformIDs and clGetDeviceIDs. */
function idsOf(
  opencl: Opencl,
  name: 'clGetPlatformIDs' | 'clGetDeviceIDs',
  args: unknown[],
  none: number,
): Handle[] {
  const count = new Uint32Array(1);
  try {
    opencl.call(name, ...args, 0, null, count);
  } catch (error) {
    if (error instanceof OpenclError && error.status === none) return [];
    throw error;
  }
  const ids = new BigUint64Array(count[0] as number);
  if (ids.length > 0) opencl.call(name, ...args, ids.length, ids, null);
  return [...ids];
}

function describe(opencl: Opencl, id: Handle, platform: string): DeviceInfo {
  const of = (name: number) => Number(number(opencl, id, name));
  const text = (name: number) => queryText(opencl, 'clGetDeviceInfo', id, name);
  const extensions = text(DEVICE.extensions);
  const hasDouble =
    extensions.split(' ').includes('cl_khr_fp64') && number(opencl, id, DEVICE.doubleConfig) !== 0n;
  const type = types[(of(DEVICE.type) & 14) as keyof typeof types] ?? 'accelerator';
  return {
    name: text(DEVICE.name),
    vendor: text(DEVICE.vendor),
    platform,
    driver: text(DEVICE.driver),
    type,
    precisions: hasDouble ? ['f64', 'f32'] : ['f32'],
    memoryBytes: of(DEVICE.globalMemory),
    bufferBytes: of(DEVICE.bufferBytes),
    localBytes: of(DEVICE.localMemory),
    computeUnits: of(DEVICE.computeUnits),
    subGroupWidth: widthOf(opencl, id, type, extensions),
    workGroupItems: of(DEVICE.workGroupItems),
    correctlyRounded: (number(opencl, id, DEVICE.singleConfig) & CORRECTLY_ROUNDED) !== 0n,
  };
}

function widthOf(opencl: Opencl, id: Handle, type: DeviceInfo['type'], extensions: string): number {
  const of = (name: number) => Math.max(1, Number(number(opencl, id, name)));
  if (type === 'cpu') return of(DEVICE.preferredFloats);
  if (extensions.includes('cl_nv_device_attribute_query')) return of(DEVICE.warp);
  if (extensions.includes('cl_amd_device_attribute_query')) return of(DEVICE.wavefront);
  return 1;
}

function number(opencl: Opencl, id: Handle, name: number): bigint {
  const bytes = queryBytes(opencl, 'clGetDeviceInfo', id, name);
  return bytes.length >= 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUInt32LE());
}
