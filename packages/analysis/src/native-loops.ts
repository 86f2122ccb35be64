/** libtessera-analysis through koffi: passes over whole matrices, and the contraction of test rows. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/spec';
import { type KoffiFunc, type LibraryHandle, load as loadNative } from 'koffi';

/** Where build.mjs puts the library: next to dist and src alike. */
const libraryPath = fileURLToPath(new URL('../build/libtessera-analysis.so', import.meta.url));
const recordPath = fileURLToPath(new URL('../build/build.json', import.meta.url));

/** What the C functions return (task.h, Outcome). */
const done = 0;

type Call = 'strip' | 'scan' | 'grade' | 'multiply' | 'subtractRankTwo';

/** The library with the instruction set it was opened for; `isa` is the first of every call's integers. */
export interface NativeLoops {
  isa: number;
  instructionSet: string;
  /** Equal fingerprints promise equal bits. */
  fingerprint: string;
  /** Numbers of one packed predictor of `size` training images. */
  packedLength(size: number, columns: number): number;
  /** Packs an encoded predictor as number `position` of `packed`. */
  pack(
    shape: { size: number; columns: number; position: number },
    encoded: Float64Array,
    packed: Float64Array,
  ): void;
  /** On a thread of libuv's pool. @throws TesseraError linalg-failed when memory runs out */
  call(name: Call, args: readonly unknown[]): Promise<void>;
  /** Here and now: for what is over in microseconds. */
  callNow(name: Call, args: readonly unknown[]): void;
}

let loaded: NativeLoops | null = null;

/** Loads the library once. @throws TesseraError `native-missing` that says where it was looked for and what to run */
export function nativeLoops(): NativeLoops {
  loaded ??= openNativeLoops();
  return loaded;
}

/** What the bits of an analysis and of a strip's sums depend on besides the arguments and BLAS. */
export function analysisFingerprint(): string {
  return nativeLoops().fingerprint;
}

/** What was built and this CPU can run, widest first. */
export function instructionSets(): string[] {
  return availableSets(loadLibrary()).map(({ name }) => name);
}

/** @param instructionSet by name, for tests; default the widest this CPU has */
export function openNativeLoops(instructionSet?: string): NativeLoops {
  const native = loadLibrary();
  const matrices = 'const int32_t *integers, double *matrix';
  const functions: Record<Call, KoffiFunc<(...args: unknown[]) => number>> = {
    strip: native.func(
      'int tessera_strip(const int32_t *integers, const void *complement, const void *matrix, ' +
        'const double *rowDeviations, const double *predictors, const int32_t *labels, const double *targets, ' +
        'const double *meanTargets, double *sums, double *predictions)',
    ),
    scan: native.func(`int tessera_scan(${matrices}, double *numbers)`),
    grade: native.func(
      `int tessera_grade(${matrices}, const double *deviations, double *center, double *beta, double *numbers)`,
    ),
    multiply: native.func(`int tessera_multiply(${matrices}, const double *x, double *product)`),
    subtractRankTwo: native.func(
      `int tessera_subtract_rank_two(${matrices}, const double *z, const double *y)`,
    ),
  };
  const packedLength = native.func('int64_t tessera_packed_length(int isa, int size, int columns)');
  const pack = native.func(
    'void tessera_pack(const int32_t *integers, const double *encoded, double *packed)',
  );
  const found = availableSets(native).find(
    ({ name }) => instructionSet === undefined || name === instructionSet,
  );
  if (!found)
    throw new TesseraError('native-missing', `This CPU does not run ${instructionSet ?? 'what was built'}.`);
  const { name, index } = found;
  const { hash } = JSON.parse(readFileSync(recordPath, 'utf8')) as { hash: string };
  const check = (call: Call, outcome: number) => {
    if (outcome !== done) throw new TesseraError('linalg-failed', `${call}: memory ran out.`);
  };
  return {
    isa: index,
    instructionSet: name,
    fingerprint: `analysis-${name}-${hash.slice(0, 8)}`,
    packedLength: (size, columns) => Number(packedLength(index, size, columns)),
    pack: ({ size, columns, position }, encoded, packed) =>
      pack(Int32Array.of(index, size, columns, position), encoded, packed),
    async call(which, args) {
      inFlight.add(args);
      try {
        const outcome = await new Promise<number>((resolve, reject) => {
          functions[which].async(...args, (error: Error | null, result: number) =>
            error ? reject(error) : resolve(result),
          );
        });
        check(which, outcome);
      } finally {
        inFlight.delete(args);
      }
    },
    callNow: (which, args) => check(which, functions[which](...args)),
  };
}

/** The arguments of running calls: koffi holds no reference to them, and C must not write into freed memory. */
const inFlight = new Set<readonly unknown[]>();

function loadLibrary(): LibraryHandle {
  if (!existsSync(libraryPath)) {
    throw new TesseraError(
      'native-missing',
      `The loops of the analyses are not built: there is no ${libraryPath}. Run "node packages/analysis/build.mjs".`,
    );
  }
  try {
    return loadNative(libraryPath);
  } catch (cause) {
    throw new TesseraError(
      'native-missing',
      `${libraryPath} does not load (${(cause as Error).message}). Delete the folder packages/analysis/build and run ` +
        '"node packages/analysis/build.mjs".',
      { cause },
    );
  }
}

function availableSets(native: LibraryHandle): { name: string; index: number }[] {
  const nameOf = native.func('const char *tessera_instruction_set(int index)');
  const available = native.func('int tessera_available(int index)');
  const sets: { name: string; index: number }[] = [];
  for (let index = 0; nameOf(index) !== null; index++) {
    if (available(index) === 1) sets.push({ name: nameOf(index) as string, index });
  }
  return sets;
}
