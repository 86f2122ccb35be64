/** The OpenCL library through koffi: its functions, its constants, and its errors by name. Handles are numbers. */
import { TesseraError } from '@tessera/spec';
import { type KoffiFunc, type LibraryHandle, load } from 'koffi';

/** What an ICD loader is called where its development files are not installed. */
const defaultLibrary =
  process.platform === 'darwin' ? '/System/Library/Frameworks/OpenCL.framework/OpenCL' : 'libOpenCL.so.1';

export type Handle = number | bigint;
type Call = KoffiFunc<(...args: unknown[]) => number>;
type Create = KoffiFunc<(...args: unknown[]) => Handle>;

const signatures = {
  clGetPlatformIDs: 'int clGetPlatformIDs(uint32_t count, void *platforms, void *found)',
  clGetPlatformInfo:
    'int clGetPlatformInfo(uintptr_t platform, uint32_t name, size_t size, void *value, void *needed)',
  clGetDeviceIDs:
    'int clGetDeviceIDs(uintptr_t platform, uint64_t type, uint32_t count, void *devices, void *found)',
  clGetDeviceInfo:
    'int clGetDeviceInfo(uintptr_t device, uint32_t name, size_t size, void *value, void *needed)',
  clReleaseContext: 'int clReleaseContext(uintptr_t context)',
  clReleaseCommandQueue: 'int clReleaseCommandQueue(uintptr_t queue)',
  clReleaseMemObject: 'int clReleaseMemObject(uintptr_t memory)',
  clReleaseProgram: 'int clReleaseProgram(uintptr_t program)',
  clReleaseKernel: 'int clReleaseKernel(uintptr_t kernel)',
  clReleaseEvent: 'int clReleaseEvent(uintptr_t event)',
  clBuildProgram:
    'int clBuildProgram(uintptr_t program, uint32_t count, const void *devices, const char *options, void *notify, void *data)',
  clGetProgramBuildInfo:
    'int clGetProgramBuildInfo(uintptr_t program, uintptr_t device, uint32_t name, size_t size, void *value, void *needed)',
  clSetKernelArg: 'int clSetKernelArg(uintptr_t kernel, uint32_t index, size_t size, const void *value)',
  clGetKernelWorkGroupInfo:
    'int clGetKernelWorkGroupInfo(uintptr_t kernel, uintptr_t device, uint32_t name, size_t size, void *value, void *needed)',
  clEnqueueNDRangeKernel:
    'int clEnqueueNDRangeKernel(uintptr_t queue, uintptr_t kernel, uint32_t dimensions, const void *offset, const void *global, const void *local, uint32_t waits, const void *waitFor, void *event)',
  clEnqueueReadBuffer:
    'int clEnqueueReadBuffer(uintptr_t queue, uintptr_t buffer, uint32_t blocking, size_t offset, size_t size, void *to, uint32_t waits, const void *waitFor, void *event)',
  clEnqueueReadBufferRect:
    'int clEnqueueReadBufferRect(uintptr_t queue, uintptr_t buffer, uint32_t blocking, const void *from, const void *to, const void *region, size_t rowPitch, size_t slicePitch, size_t hostRowPitch, size_t hostSlicePitch, void *host, uint32_t waits, const void *waitFor, void *event)',
  clEnqueueWriteBuffer:
    'int clEnqueueWriteBuffer(uintptr_t queue, uintptr_t buffer, uint32_t blocking, size_t offset, size_t size, const void *from, uint32_t waits, const void *waitFor, void *event)',
  clWaitForEvents: 'int clWaitForEvents(uint32_t count, const void *events)',
  clGetEventInfo:
    'int clGetEventInfo(uintptr_t event, uint32_t name, size_t size, void *value, void *needed)',
  clFlush: 'int clFlush(uintptr_t queue)',
  clFinish: 'int clFinish(uintptr_t queue)',
} as const;
const creators = {
  clCreateContext:
    'uintptr_t clCreateContext(const void *properties, uint32_t count, const void *devices, void *notify, void *data, void *error)',
  clCreateCommandQueue:
    'uintptr_t clCreateCommandQueue(uintptr_t context, uintptr_t device, uint64_t properties, void *error)',
  clCreateBuffer:
    'uintptr_t clCreateBuffer(uintptr_t context, uint64_t flags, size_t size, void *host, void *error)',
  clCreateProgramWithSource:
    'uintptr_t clCreateProgramWithSource(uintptr_t context, uint32_t count, const char **strings, const void *lengths, void *error)',
  clCreateKernel: 'uintptr_t clCreateKernel(uintptr_t program, const char *name, void *error)',
} as const;

export type CallName = keyof typeof signatures;
export type CreatorName = keyof typeof creators;

/** The functions of one OpenCL library. A call that fails throws an `OpenclError`. */
export interface Opencl {
  /** At once, on this thread. */
  call(name: CallName, ...args: unknown[]): void;
  /** On a thread of libuv's pool; whatever the arguments point to lives until it has returned. */
  callAsync(name: CallName, ...args: unknown[]): Promise<void>;
  /** Makes an object: its handle. The error's address is added to the arguments. */
  create(name: CreatorName, ...args: unknown[]): Handle;
}

/** A call that an OpenCL driver refused. */
export class OpenclError extends Error {
  override readonly name = 'OpenclError';
  readonly call: string;
  readonly status: number;

  constructor(call: string, status: number) {
    super(`${call}: ${statusName(status)}`);
    this.call = call;
    this.status = status;
  }
}

/** A lost device may refuse what would have given its objects back, and has nothing left to give. */
export function ignoringLoss(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof OpenclError)) throw error;
  }
}

const statusNames: Readonly<Record<number, string>> = {
  [-1]: 'CL_DEVICE_NOT_FOUND',
  [-2]: 'CL_DEVICE_NOT_AVAILABLE',
  [-3]: 'CL_COMPILER_NOT_AVAILABLE',
  [-4]: 'CL_MEM_OBJECT_ALLOCATION_FAILURE',
  [-5]: 'CL_OUT_OF_RESOURCES',
  [-6]: 'CL_OUT_OF_HOST_MEMORY',
  [-11]: 'CL_BUILD_PROGRAM_FAILURE',
  [-14]: 'CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST',
  [-30]: 'CL_INVALID_VALUE',
  [-33]: 'CL_INVALID_DEVICE',
  [-34]: 'CL_INVALID_CONTEXT',
  [-36]: 'CL_INVALID_COMMAND_QUEUE',
  [-38]: 'CL_INVALID_MEM_OBJECT',
  [-43]: 'CL_INVALID_BUILD_OPTIONS',
  [-46]: 'CL_INVALID_KERNEL_NAME',
  [-48]: 'CL_INVALID_KERNEL',
  [-49]: 'CL_INVALID_ARG_INDEX',
  [-50]: 'CL_INVALID_ARG_VALUE',
  [-51]: 'CL_INVALID_ARG_SIZE',
  [-52]: 'CL_INVALID_KERNEL_ARGS',
  [-54]: 'CL_INVALID_WORK_GROUP_SIZE',
  [-55]: 'CL_INVALID_WORK_ITEM_SIZE',
  [-58]: 'CL_INVALID_EVENT',
  [-61]: 'CL_INVALID_BUFFER_SIZE',
  [-1001]: 'CL_PLATFORM_NOT_FOUND_KHR',
};
const statusName = (status: number): string => statusNames[status] ?? `error ${status}`;

const loaded = new Map<string, Opencl>();

/** Loads the library once. @throws TesseraError `native-missing` that says what to install */
export function loadOpencl(path: string = defaultLibrary): Opencl {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  let library: LibraryHandle;
  try {
    library = load(path);
  } catch (cause) {
    throw new TesseraError(
      'native-missing',
      `There is no OpenCL: ${path} does not load (${(cause as Error).message}). Install the ICD loader ` +
        '(Debian: ocl-icd-libopencl1) and the driver of the device (NVIDIA and AMD bring one; pocl-opencl-icd runs on CPUs).',
      { cause },
    );
  }
  const opencl = bind(library);
  loaded.set(path, opencl);
  return opencl;
}

/** The arguments of running calls: koffi holds no reference to them. */
const inFlight = new Set<readonly unknown[]>();

function bind(library: LibraryHandle): Opencl {
  const functions = mapValues(signatures, (signature) => library.func(signature) as Call);
  const makers = mapValues(creators, (signature) => library.func(signature) as Create);
  const check = (name: string, status: number) => {
    if (status !== 0) throw new OpenclError(name, status);
  };
  return {
    call: (name, ...args) => check(name, functions[name](...args)),
    async callAsync(name, ...args) {
      inFlight.add(args);
      try {
        const status = await new Promise<number>((resolve, reject) => {
          functions[name].async(...args, (error: Error | null, result: number) =>
            error ? reject(error) : resolve(result),
          );
        });
        check(name, status);
      } finally {
        inFlight.delete(args);
      }
    },
    create(name, ...args) {
      const error = new Int32Array(1);
      const handle = makers[name](...args, error);
      check(name, error[0] as number);
      return handle;
    },
  };
}

function mapValues<K extends string, V>(
  record: Readonly<Record<K, string>>,
  f: (value: string) => V,
): Record<K, V> {
  return Object.fromEntries(Object.entries<string>(record).map(([key, value]) => [key, f(value)])) as Record<
    K,
    V
  >;
}

/** Handles as C reads them. */
export const handles = (...values: Handle[]): BigUint64Array => BigUint64Array.from(values, BigInt);
export const sizes = (...values: number[]): BigUint64Array => BigUint64Array.from(values, BigInt);

/** The bytes of an information query, whatever their number. */
export function queryBytes(opencl: Opencl, name: CallName, ...args: unknown[]): Buffer {
  const needed = new BigUint64Array(1);
  opencl.call(name, ...args, 0, null, needed);
  const value = Buffer.alloc(Math.max(1, Number(needed[0])));
  opencl.call(name, ...args, value.length, value, null);
  return value.subarray(0, Number(needed[0]));
}

/** A text of an information query, without its final zero. */
export const queryText = (opencl: Opencl, name: CallName, ...args: unknown[]): string =>
  queryBytes(opencl, name, ...args)
    .toString('utf8')
    .replace(/\0+$/, '')
    .trim();
