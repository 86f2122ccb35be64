/**
 * What a process measures of its machine at its start, in well under a second: the least of a few short runs each, so
 * that other processes which start beside it count little.
 */
import { randomBytes } from 'node:crypto';
import type { Activation, Architecture, ImageShape, KernelName, Precision } from '@tessera/spec';
import { type LayerForm, layerForms, type ProbedActivation } from './cost-table.js';
import { type EngineRates, type LinalgRates, probeSizes, type Rates, type StoreRates } from './rates.js';

/** What of the compute engine is measured. */
export interface MeasuredEngine {
  computeTile(task: ProbeTask): Promise<unknown>;
}

interface ProbeImages {
  key: string;
  count: number;
  shape: ImageShape;
  data: Float64Array;
  bytes: {
    pixels: Uint8Array;
    normalization: { kind: 'shared'; offset: number; factor: number };
  };
}

interface ProbeTask {
  architecture: Architecture;
  weightVariance: number;
  biasVariance: number;
  depths: number[];
  kernels: KernelName[];
  arrays: ('matrix' | 'complement')[];
  precision: Precision;
  referenceVariance: number;
  rows: ProbeImages;
  cols: ProbeImages | null;
}

/** What of linear algebra is measured: row-major float64. */
export interface MeasuredLinalg {
  eigh(a: Float64Array, n: number, vectors: boolean): Promise<unknown>;
  eigenbasis(a: Float64Array, n: number): Promise<unknown>;
  cholesky(a: Float64Array, n: number): Promise<void>;
  symv(a: Float64Array, n: number, x: Float64Array): Promise<unknown>;
  gemm(request: { m: number; n: number; k: number; a: Float64Array; b: Float64Array }): Promise<unknown>;
}

/** What of the store is measured. */
export interface MeasuredStore {
  put(key: string, source: Uint8Array, options?: { durable?: boolean }): Promise<void>;
  get(key: string): Promise<unknown>;
  delete(key: string): Promise<void>;
}

/** What a process has that can be measured; null for what it does not use. */
export interface Measured {
  engine: MeasuredEngine | null;
  linalg: MeasuredLinalg | null;
  store: MeasuredStore | null;
}

/**
 * Measures what the process works with. Takes about half a second.
 * @param machine what the process knows of its machine without measuring
 */
export async function calibrate(
  { engine, linalg, store }: Measured,
  machine: Pick<Rates, 'host' | 'hostCores' | 'threads' | 'memoryBytes'>,
): Promise<Rates> {
  return {
    version: 2,
    ...machine,
    engine: engine && (await calibrateEngine(engine)),
    linalg: linalg && (await calibrateLinalg(linalg)),
    store: store && (await calibrateStore(store)),
  };
}

/** Milliseconds by the clock, and of this process's CPU: what others take of the cores does not count. */
const clockMs = () => performance.now();
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The least ns of a few runs: as many as `budgetMs` allow, at least three. */
async function leastNs(work: () => Promise<unknown>, budgetMs: number, timeMs = cpuMs): Promise<number> {
  const begun = performance.now();
  let least = Number.POSITIVE_INFINITY;
  for (let runs = 0; runs < 3 || (runs < 20 && performance.now() - begun < budgetMs); runs++) {
    const started = timeMs();
    await work();
    least = Math.min(least, timeMs() - started);
  }
  return least * 1e6;
}

/** Milliseconds for one number of the engine, of linear algebra, of the store. */
const budgetsMs = { engine: 25, linalg: 40, store: 40 } as const;

const activations: Record<ProbedActivation, Activation> = { erf: { name: 'erf' }, relu: { name: 'relu' } };

/** Networks whose entries stay ordinary numbers at every depth. */
const network = { weightVariance: 1.5, biasVariance: 0.1, referenceVariance: 1 } as const;

/** Two runs that differ in depth alone: their difference is layers, without the read-in and the call. */
const layerProbes = {
  fcn: { family: 'fcn', images: 64, shape: { inputs: 16 }, depths: [20, 220] },
  cnn: { family: 'cnn-flatten', images: 8, shape: { height: 32, width: 32, channels: 1 }, depths: [2, 22] },
} as const;

async function calibrateEngine(engine: MeasuredEngine): Promise<EngineRates> {
  const layer = {} as Record<LayerForm, Record<ProbedActivation, Record<Precision, number>>>;
  for (const form of layerForms) {
    layer[form] = { erf: { f64: 0, f32: 0 }, relu: { f64: 0, f32: 0 } };
    for (const activation of ['erf', 'relu'] as const) {
      for (const precision of ['f64', 'f32'] as const) {
        layer[form][activation][precision] = await layerNs(engine, form, activation, precision);
      }
    }
  }
  return { layer, gramMultiplyAdd: await gramNs(engine) };
}

async function layerNs(
  engine: MeasuredEngine,
  form: LayerForm,
  activation: ProbedActivation,
  precision: Precision,
): Promise<number> {
  const { family, images, shape, depths } = layerProbes[form];
  const [shallow, deep] = depths;
  const rows = imagesOf('rows', images, shape);
  const cols = imagesOf('columns', images, shape);
  const architecture = {
    family,
    activation: activations[activation],
    filterSize: 3,
    padding: 'circular',
  } as const;
  const run = (depth: number) => () =>
    engine.computeTile({
      ...network,
      architecture,
      depths: [depth],
      kernels: ['ntk'],
      arrays: ['matrix', 'complement'],
      precision,
      rows,
      cols,
    });
  const ns = (await leastNs(run(deep), budgetsMs.engine)) - (await leastNs(run(shallow), budgetsMs.engine));
  const pixels = 'inputs' in shape ? 1 : shape.height * shape.width;
  // A clock that went astray must not make work free.
  return Math.max(0.01, ns / (images * images * pixels * (deep - shallow)));
}

/** ns per multiply-add of the read-in: a network without layers. Engines cache read-ins by key, so that each is new. */
async function gramNs(engine: MeasuredEngine): Promise<number> {
  const [images, inputs] = [96, 3072];
  let next = 0;
  const run = () =>
    engine.computeTile({
      ...network,
      architecture: { family: 'fcn', activation: activations.relu, filterSize: 3, padding: 'circular' },
      depths: [0],
      kernels: ['nngp'],
      arrays: ['matrix', 'complement'],
      precision: 'f64',
      rows: imagesOf(`rows ${next}`, images, { inputs }),
      cols: imagesOf(`columns ${next++}`, images, { inputs }),
    });
  return Math.max(1e-4, (await leastNs(run, budgetsMs.engine)) / (images * images * inputs));
}

/** Images of few inputs through `depth` layers: arithmetic, and little of the read-in. */
export function probeTask(images: number, depth: number, precision: Precision): ProbeTask {
  const shape = { inputs: 16 };
  return {
    ...network,
    architecture: { family: 'fcn', activation: activations.erf, filterSize: 3, padding: 'circular' },
    depths: [depth],
    kernels: ['ntk'],
    arrays: ['matrix', 'complement'],
    precision,
    rows: imagesOf('rows', images, shape),
    cols: imagesOf('columns', images, shape),
  };
}

/** Bytes as images are made of, standardized. */
const normalization = { kind: 'shared', offset: 128, factor: 1 / 64 } as const;
const made = new Map<number, Pick<ProbeImages, 'data' | 'bytes'>>();

/** Random images, the same of a size every time. */
function imagesOf(name: string, count: number, shape: ImageShape): ProbeImages {
  const inputs = 'inputs' in shape ? shape.inputs : shape.height * shape.width * shape.channels;
  const size = count * inputs;
  let images = made.get(size);
  if (images === undefined) {
    const pixels = Uint8Array.from(noise(size), (number) => 128 * (1 + number));
    const data = Float64Array.from(pixels, (byte) => (byte - normalization.offset) * normalization.factor);
    images = { data, bytes: { pixels, normalization } };
    made.set(size, images);
  }
  return { key: `calibration ${name} ${size}`, count, shape, ...images };
}

/** Numbers in [-1, 1) by a linear congruential generator. */
function noise(size: number): Float64Array {
  const numbers = new Float64Array(size);
  let state = 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    numbers[i] = state / 2 ** 31 - 1;
  }
  return numbers;
}

/** A symmetric, well conditioned matrix. */
function symmetric(size: number): Float64Array {
  const matrix = noise(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) matrix[i * size + j] = matrix[j * size + i] as number;
    matrix[i * size + i] = size;
  }
  return matrix;
}

async function calibrateLinalg(linalg: MeasuredLinalg): Promise<LinalgRates> {
  const { eigh: eighSize, cholesky: choleskySize } = probeSizes;
  const [gemmSize, columns] = [1024, 60];
  const small = symmetric(eighSize);
  const large = symmetric(choleskySize);
  const a = noise(gemmSize * gemmSize);
  const b = noise(gemmSize * columns);
  // 64 MiB: more than a process has of most caches.
  const streamed = new Float64Array(probeSizes.streamed ** 2).fill(1);
  const x = noise(probeSizes.streamed);
  const product = () => linalg.symv(streamed, probeSizes.streamed, x);
  return {
    streamedEntry: (await leastNs(product, budgetsMs.linalg)) / (probeSizes.streamed ** 2 / 2),
    eigenvectors:
      (await leastNs(() => linalg.eigenbasis(small.slice(), eighSize), budgetsMs.linalg)) / eighSize ** 3,
    eigenvalues:
      (await leastNs(() => linalg.eigh(small.slice(), eighSize, false), budgetsMs.linalg)) / eighSize ** 3,
    cholesky:
      (await leastNs(() => linalg.cholesky(large.slice(), choleskySize), budgetsMs.linalg)) /
      choleskySize ** 3,
    gemmMultiplyAdd:
      (await leastNs(() => linalg.gemm({ m: gemmSize, n: columns, k: gemmSize, a, b }), budgetsMs.linalg)) /
      (gemmSize * gemmSize * columns),
  };
}

async function calibrateStore(store: MeasuredStore): Promise<StoreRates> {
  const bytes = new Uint8Array(8 * 2 ** 20).fill(7);
  const key = `calibration-${randomBytes(8).toString('hex')}`;
  try {
    // Waiting for the disk is part of what these cost.
    const byteNs = async (work: () => Promise<unknown>) =>
      (await leastNs(work, budgetsMs.store, clockMs)) / bytes.length;
    const writeByte = await byteNs(() => store.put(key, bytes, { durable: false }));
    const readByte = await byteNs(() => store.get(key));
    const durableByte = await byteNs(() => store.put(key, bytes));
    return { writeByte, durableByte, readByte };
  } finally {
    await store.delete(key);
  }
}
