import { BlasCalls } from './blas-calls.js';
import { cholesky, choleskySolve } from './cholesky.js';
import { CoreBudget } from './core-budget.js';
import { type Eigenbasis, type EigenbasisMemory, eigenbasis } from './eigenbasis.js';
import { type Eigendecomposition, eigh } from './eigh.js';
import { loadOpenBlas } from './openblas.js';
import { type GemmRequest, gemm, type SyrkRequest, symv, syrk } from './products.js';

/**
 * Dense linear algebra in float64, row-major, asynchronous. Every call takes its cores from the budget by itself:
 * never call it from within `cores.run`.
 *
 * Given the same fingerprint (and budget, for large problems), the bits of a result depend on the arguments alone.
 */
export interface Linalg {
  /** Library and release, for example `OpenBLAS 0.3.21`. */
  readonly version: string;
  /** What the bits depend on besides the arguments: release and CPU kernels; from 2,048 images on also the threads. */
  readonly fingerprint: string;
  readonly cores: CoreBudget;
  /** See {@link eigh}. `a` is overwritten. */
  eigh(a: Float64Array, n: number, vectors: boolean): Promise<Eigendecomposition>;
  /** See {@link eigenbasis}. `a` is overwritten, and part of the result. */
  eigenbasis(a: Float64Array, n: number, memory?: EigenbasisMemory): Promise<Eigenbasis>;
  /** See {@link gemm}. */
  gemm(request: GemmRequest): Promise<Float64Array>;
  /** See {@link symv}. */
  symv(a: Float64Array, n: number, x: Float64Array): Promise<Float64Array>;
  /** See {@link syrk}. */
  syrk(request: SyrkRequest): Promise<Float64Array>;
  /** See {@link cholesky}. In place, lower triangle. */
  cholesky(a: Float64Array, n: number): Promise<void>;
  /** See {@link choleskySolve}. In place. */
  choleskySolve(l: Float64Array, n: number, b: Float64Array, columns: number): Promise<void>;
}

export interface LinalgOptions {
  /** Cores of the process's budget, and BLAS threads of a call that takes all of it. */
  threads: number;
  /** A library to use and no other. */
  path?: string;
}

let opened: { linalg: Linalg; threads: number; path: string | null } | null = null;

/**
 * Opens OpenBLAS and the core budget of this process. BLAS has one thread setting a process, so there is one budget:
 * opening again with the same options gives the same object.
 *
 * Calls run on libuv's threads: whoever spawns the process sets UV_THREADPOOL_SIZE to at least `threads`.
 * @throws TesseraError native-missing when there is no OpenBLAS; Error when it is open with other options
 */
export function openLinalg(options: LinalgOptions): Linalg {
  const { threads } = options;
  const path = options.path ?? null;
  if (opened) {
    if (opened.threads === threads && opened.path === path) return opened.linalg;
    throw new Error(`Linear algebra is already open in this process, with ${opened.threads} threads.`);
  }
  const cores = new CoreBudget(threads);
  const blas = loadOpenBlas(path);
  const calls = new BlasCalls(blas, cores);
  const linalg: Linalg = {
    version: `OpenBLAS ${blas.version}`,
    fingerprint: `openblas-${blas.version}-${blas.coreType}`,
    cores,
    eigh: (a, n, vectors) => eigh(calls, a, n, vectors),
    eigenbasis: (a, n, memory) => eigenbasis(calls, a, n, memory),
    gemm: (request) => gemm(calls, request),
    symv: (a, n, x) => symv(calls, a, n, x),
    syrk: (request) => syrk(calls, request),
    cholesky: (a, n) => cholesky(calls, a, n),
    choleskySolve: (l, n, b, columns) => choleskySolve(calls, l, n, b, columns),
  };
  opened = { linalg, threads, path };
  return linalg;
}
