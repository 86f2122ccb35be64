import { promisify } from 'node:util';
import { TesseraError } from '@tessera/spec';
import koffi, { type LibraryHandle } from 'koffi';
import { type LibraryPlace, libraryPlaces, nativeCache } from './find-library.js';

type Text = 'N' | 'T' | 'V' | 'U' | 'L' | 'R' | 'I';
/** Fortran takes every number by address. */
type Int = Int32Array;

/** The routines we use. Every LAPACK and BLAS call runs on a libuv thread, in place, without a copy. */
export interface OpenBlas {
  /** Release, for example `0.3.21`. */
  version: string;
  /** The kernels OpenBLAS chose for this CPU, for example `Haswell`. */
  coreType: string;
  setThreads(count: number): void;
  // biome-ignore format: one routine a line, arguments in LAPACK's order
  dsyevd(jobz: Text, uplo: Text, n: Int, a: Float64Array, lda: Int, w: Float64Array, work: Float64Array, lwork: Int, iwork: Int, liwork: Int, info: Int): Promise<void>;
  // biome-ignore format: as above
  dsytrd(uplo: Text, n: Int, a: Float64Array, lda: Int, d: Float64Array, e: Float64Array, tau: Float64Array, work: Float64Array, lwork: Int, info: Int): Promise<void>;
  // biome-ignore format: as above
  dstedc(compz: 'I', n: Int, d: Float64Array, e: Float64Array, z: Float64Array, ldz: Int, work: Float64Array, lwork: Int, iwork: Int, liwork: Int, info: Int): Promise<void>;
  // biome-ignore format: as above
  dormtr(side: Text, uplo: Text, trans: Text, m: Int, n: Int, a: Float64Array, lda: Int, tau: Float64Array, c: Float64Array, ldc: Int, work: Float64Array, lwork: Int, info: Int): Promise<void>;
  dpotrf(uplo: Text, n: Int, a: Float64Array, lda: Int, info: Int): Promise<void>;
  // biome-ignore format: as above
  dtrsm(side: Text, uplo: Text, trans: Text, diag: Text, m: Int, n: Int, alpha: Float64Array, a: Float64Array, lda: Int, b: Float64Array, ldb: Int): Promise<void>;
  // biome-ignore format: as above
  dgemm(transA: Text, transB: Text, m: Int, n: Int, k: Int, alpha: Float64Array, a: Float64Array, lda: Int, b: Float64Array, ldb: Int, beta: Float64Array, c: Float64Array, ldc: Int): Promise<void>;
  // biome-ignore format: as above
  dsymv(uplo: Text, n: Int, alpha: Float64Array, a: Float64Array, lda: Int, x: Float64Array, incx: Int, beta: Float64Array, y: Float64Array, incy: Int): Promise<void>;
  // biome-ignore format: as above
  dsyrk(uplo: Text, trans: Text, n: Int, k: Int, alpha: Float64Array, a: Float64Array, lda: Int, beta: Float64Array, c: Float64Array, ldc: Int): Promise<void>;
}

/**
 * Loads OpenBLAS from the first place that works.
 * @param path a library to use and no other, or null
 * @throws TesseraError native-missing, with every place tried, why it failed, and what to type
 */
export function loadOpenBlas(path: string | null, cache = nativeCache): OpenBlas {
  const failures: string[] = [];
  for (const place of libraryPlaces(path, cache)) {
    try {
      return bindOpenBlas(place);
    } catch (error) {
      failures.push(`  ${place.path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (path === null) failures.push(`  ${cache}: no more libscipy_openblas*.so in it`);
  throw new TesseraError(
    'native-missing',
    [
      'OpenBLAS was not found. Tried:',
      ...failures,
      'To fix it, as root on Debian or Ubuntu: apt-get install libopenblas0-pthread',
      `Or without root: pip download --no-deps scipy-openblas32 and unzip the wheel into ${cache}`,
    ].join('\n'),
  );
}

/** @throws Error when the library does not load, lacks a routine, or threads by OpenMP */
function bindOpenBlas({ path, prefix }: LibraryPlace): OpenBlas {
  const library = koffi.load(path);
  const parallel = library.func(`int ${prefix}openblas_get_parallel()`)() as number;
  // OpenMP keeps the thread count per calling thread: set here it would not hold on a libuv thread.
  if (parallel === 2) throw new Error('is an OpenMP build; install libopenblas0-pthread instead');
  const config = library.func(`const char *${prefix}openblas_get_config()`)() as string;
  const setThreads = library.func(`void ${prefix}openblas_set_num_threads(int count)`);
  const routine = <F>(name: string, parameters: string, texts: number) =>
    bindRoutine<F>(library, `${prefix}${name}_`, parameters, texts);
  return {
    version: /OpenBLAS (\S+)/.exec(config)?.[1] ?? config,
    coreType: library.func(`const char *${prefix}openblas_get_corename()`)() as string,
    setThreads: (count) => setThreads(count),
    dsyevd: routine('dsyevd', 'str, str, I, D, I, D, D, I, I, I, I', 2),
    dsytrd: routine('dsytrd', 'str, I, D, I, D, D, D, D, I, I', 1),
    dstedc: routine('dstedc', 'str, I, D, D, D, I, D, I, I, I, I', 1),
    dormtr: routine('dormtr', 'str, str, str, I, I, D, I, D, D, I, D, I, I', 3),
    dpotrf: routine('dpotrf', 'str, I, D, I, I', 1),
    dtrsm: routine('dtrsm', 'str, str, str, str, I, I, D, D, I, D, I', 4),
    dgemm: routine('dgemm', 'str, str, I, I, I, D, D, I, D, I, D, D, I', 2),
    dsymv: routine('dsymv', 'str, I, D, D, I, D, I, D, D, I', 1),
    dsyrk: routine('dsyrk', 'str, str, I, I, D, D, I, D, D, I', 2),
  };
}

/**
 * An asynchronous Fortran routine. Fortran passes the length of each character argument by value behind all others;
 * leaving them out lets gfortran's code overwrite the caller's stack.
 */
function bindRoutine<F>(library: LibraryHandle, name: string, parameters: string, texts: number): F {
  const lengths = Array<number>(texts).fill(1);
  const types = parameters
    .split(', ')
    .map((type) => (type === 'I' ? 'int *' : type === 'D' ? 'double *' : type))
    .concat(lengths.map(() => 'size_t'));
  const routine = library.func(`void ${name}(${types.join(', ')})`);
  const call = promisify(routine.async) as (...args: unknown[]) => Promise<void>;
  return (async (...args: unknown[]) => {
    inFlight.add(args);
    try {
      await call(...args, ...lengths);
    } finally {
      inFlight.delete(args);
    }
  }) as F;
}

/** Arguments of the running calls: koffi holds no reference to them, and a workspace is held by nobody else. */
const inFlight = new Set<unknown[]>();
