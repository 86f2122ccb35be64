/** libtessera through koffi: finding it, loading it, and calling it off the main thread. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/spec';
import { type KoffiFunc, type LibraryHandle, load as loadNative } from 'koffi';

/** Where build.mjs puts the library: next to dist and src alike. */
const libraryPath = fileURLToPath(new URL('../build/libtessera.so', import.meta.url));
const recordPath = fileURLToPath(new URL('../build/build.json', import.meta.url));

/** What the C functions return (task.h, Outcome). */
const outcomes = { done: 0, cancelled: 1, outOfMemory: 2, badArgument: 3 } as const;

export interface InstructionSet {
  name: string;
  index: number;
}

export type NativeCall = 'readIn' | 'fcn' | 'cnn';

export interface Library {
  /** What this CPU can run, the best for it first. */
  instructionSets: InstructionSet[];
  /** The hash of sources, flags and compiler that build.mjs recorded. */
  buildHash: string;
  /** Calls one of them on a thread of libuv's pool. The last argument is the cancel flag. */
  call(name: NativeCall, args: readonly unknown[], signal: AbortSignal | undefined): Promise<void>;
  /** Runs layers of arithmetic on registers alone, on a thread of libuv's pool; resolves to how many entries each of them computed. */
  registers(integers: Int32Array, numbers: Float64Array, layers: number): Promise<number>;
  /** An elementary function on an array, for the accuracy tests. */
  elementary(
    isa: InstructionSet,
    name: ElementaryName,
    x: Float64Array | Float32Array,
  ): Float64Array | Float32Array;
}

/** In the order of native/library.cpp; angle is 2 asin(sqrt x), segment (sin t - t cos t) / x at that angle t. */
export const elementaryNames = ['atan', 'angle', 'segment', 'exp', 'expm1', 'tanh'] as const;
export type ElementaryName = (typeof elementaryNames)[number];

let loaded: Library | null = null;

/** Loads the library once. @throws TesseraError `native-missing` that says where it was looked for and what to run */
export function loadLibrary(): Library {
  loaded ??= load();
  return loaded;
}

/** The parameters of one kind's outputs. */
const kind = (name: string) =>
  ['Matrix', 'Complement', 'Reference', 'Rows', 'Cols'].map((array) => `void *${name}${array}`).join(', ');

function load(): Library {
  if (!existsSync(libraryPath)) {
    throw new TesseraError(
      'native-missing',
      `The native engine is not built: there is no ${libraryPath}. Run "node packages/engine-native/build.mjs".`,
    );
  }
  let native: LibraryHandle;
  try {
    native = loadNative(libraryPath);
  } catch (cause) {
    throw new TesseraError(
      'native-missing',
      `The native engine at ${libraryPath} does not load (${(cause as Error).message}). Delete the folder ` +
        'packages/engine-native/build and run "node packages/engine-native/build.mjs".',
      { cause },
    );
  }
  const tile = 'const int32_t *integers, const double *numbers, const int32_t *depths';
  const outputs = `${kind('nngp')}, ${kind('ntk')}, const int32_t *cancel`;
  const functions = {
    readIn: native.func(
      'int tessera_read_in(const int32_t *integers, const double *numbers, const uint8_t *rowBytes, ' +
        'const uint8_t *colBytes, const double *rows, const double *cols, double *complement, ' +
        'double *rowVariance, double *colVariance, const int32_t *cancel)',
    ),
    fcn: native.func(
      `int tessera_fcn(${tile}, const double *complement, const double *rowVariance, const double *colVariance, ${outputs})`,
    ),
    cnn: native.func(
      `int tessera_cnn(${tile}, const double *rowImages, const double *colImages, ${outputs})`,
    ),
  };
  const registers = native.func(
    'int tessera_registers(const int32_t *integers, const double *numbers, int layers, double *sink)',
  );
  const name = native.func('const char *tessera_instruction_set(int index)');
  const available = native.func('int tessera_available(int index)');
  const elementaryF64 = native.func(
    'void tessera_elementary_f64(int isa, int which, const double *x, _Out_ double *y, int count)',
  );
  const elementaryF32 = native.func(
    'void tessera_elementary_f32(int isa, int which, const float *x, _Out_ float *y, int count)',
  );
  const instructionSets: InstructionSet[] = [];
  for (let index = 0; name(index) !== null; index++) {
    if (available(index) === 1) instructionSets.push({ name: name(index), index });
  }
  const record = JSON.parse(readFileSync(recordPath, 'utf8')) as { hash: string };
  return {
    instructionSets,
    buildHash: record.hash,
    call: (which, args, signal) => callAsync(which, functions[which], args, signal),
    registers: (integers, numbers, layers) =>
      onPool(registers, [integers, numbers, layers, new Float64Array(1)]),
    elementary: (isa, which, x) => {
      const y = x instanceof Float64Array ? new Float64Array(x.length) : new Float32Array(x.length);
      const evaluate = x instanceof Float64Array ? elementaryF64 : elementaryF32;
      evaluate(isa.index, elementaryNames.indexOf(which), x, y, x.length);
      return y;
    },
  };
}

/** The arguments of running calls: koffi holds no reference to them, and C must not write into freed memory. */
const inFlight = new Set<readonly unknown[]>();

async function onPool(
  nativeFunction: KoffiFunc<(...args: unknown[]) => number>,
  args: readonly unknown[],
): Promise<number> {
  inFlight.add(args);
  try {
    return await new Promise<number>((resolve, reject) => {
      nativeFunction.async(...args, (error: Error | null, result: number) =>
        error ? reject(error) : resolve(result),
      );
    });
  } finally {
    inFlight.delete(args);
  }
}

/**
 * One call on another thread. An abort sets a flag in shared memory that the C code polls; the promise settles only
 * once the C code has returned, so the arrays it writes to stay alive until then.
 */
async function callAsync(
  name: string,
  nativeFunction: KoffiFunc<(...args: unknown[]) => number>,
  args: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) throw cancelled();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const raise = () => Atomics.store(flag, 0, 1);
  signal?.addEventListener('abort', raise, { once: true });
  try {
    const outcome = await onPool(nativeFunction, [...args, flag]);
    if (outcome === outcomes.cancelled) throw cancelled();
    if (outcome === outcomes.outOfMemory) {
      throw new TesseraError(
        'engine-failed',
        `The native engine ran out of memory in ${name}; use smaller tiles.`,
      );
    }
    if (outcome !== outcomes.done) {
      throw new TesseraError(
        'engine-failed',
        `The native engine refused the arguments of ${name} (${outcome}).`,
      );
    }
  } finally {
    signal?.removeEventListener('abort', raise);
  }
}

const cancelled = () => new TesseraError('cancelled', 'The tile was cancelled.');
