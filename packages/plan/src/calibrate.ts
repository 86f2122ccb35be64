/**
 * What a process measures of its machine at its start, in under a second: the least of a few short runs each, so
 * that other processes which start beside it count little.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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
 * Measures what the process works with, in under a second.
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

/** Milliseconds by the clock. */
const clockMs = () => performance.now();

/**
 * Milliseconds of this process's CPU: what others take of the cores does not count. Read once the thread that did the work
 * has left its core: its time since the last tick, up to 4 ms, is booked only then.
 */
async function cpuMs(): Promise<number> {
  await sleep(1);
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The least ns of each work's runs, in rounds of all of them: as many rounds as `budgetMs` allow, at least three. What
 * holds up a process for a while (its start, a neighbour) then costs every work a round, and none its number.
 */
async function leastNsOfEach(
  works: readonly (() => Promise<unknown>)[],
  budgetMs: number,
  timeMs: () => number | Promise<number> = cpuMs,
): Promise<number[]> {
  const begun = performance.now();
  const least = works.map(() => Number.POSITIVE_INFINITY);
  let before = await timeMs();
  for (let rounds = 0; rounds < 3 || (rounds < 20 && performance.now() - begun < budgetMs); rounds++) {
    for (const [i, work] of works.entries()) {
      await work();
      const after = await timeMs();
      least[i] = Math.min(least[i] as number, after - before);
      before = after;
    }
  }
  return least.map((ms) => ms * 1e6);
}

/** The least ns of a few runs. */
async function leastNs(
  work: () => Promise<unknown>,
  budgetMs: number,
  timeMs?: () => number | Promise<number>,
): Promise<number> {
  const [ns] = await leastNsOfEach([work], budgetMs, timeMs);
  return ns as number;
}

/** Milliseconds for everything of the engine, for one number of linear algebra, of the store. */
const budgetsMs = { engine: 250, linalg: 40, store: 40 } as const;

const activations: Record<ProbedActivation, Activation> = { erf: { name: 'erf' }, relu: { name: 'relu' } };
const probedActivations = ['erf', 'relu'] as const satisfies ProbedActivation[];
const precisions = ['f64', 'f32'] as const satisfies Precision[];

/** Networks whose entries stay ordinary numbers at every depth. */
const network = { weightVariance: 1.5, biasVariance: 0.1, referenceVariance: 1 } as const;

/**
 * Two runs that differ in depth alone: their difference is layers, without the read-in and the call. Of so many images
 * that what a layer costs an image counts little beside its pairs, as in a tile.
 */
const layerProbes = {
  fcn: { family: 'fcn', images: 192, shape: { inputs: 16 }, depths: [4, 24] },
  cnn: { family: 'cnn-flatten', images: 24, shape: { height: 32, width: 32, channels: 1 }, depths: [1, 4] },
} as const;

async function calibrateEngine(engine: MeasuredEngine): Promise<EngineRates> {
  const probes = layerForms.flatMap((form) =>
    probedActivations.flatMap((activation) =>
      precisions.map((precision) => layerProbe(engine, form, activation, precision)),
    ),
  );
  const readIn = readInProbe(engine);
  const works = [...probes.flatMap(({ deep, shallow }) => [deep, shallow]), readIn.run];
  const least = await leastNsOfEach(works, budgetsMs.engine);
  const layer = {} as Record<LayerForm, Record<ProbedActivation, Record<Precision, number>>>;
  for (const [i, { form, activation, precision, entryLayers }] of probes.entries()) {
    const [deep, shallow] = [least[2 * i] as number, least[2 * i + 1] as number];
    layer[form] ??= { erf: { f64: 0, f32: 0 }, relu: { f64: 0, f32: 0 } };
    // A clock that went astray must not make work free.
    layer[form][activation][precision] = Math.max(0.01, (deep - shallow) / entryLayers);
  }
  return { layer, gramMultiplyAdd: Math.max(1e-4, (least.at(-1) as number) / readIn.multiplyAdds) };
}

/** A deep and a shallow run, and the entry-layers between them. */
function layerProbe(
  engine: MeasuredEngine,
  form: LayerForm,
  activation: ProbedActivation,
  precision: Precision,
) {
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
  const pixels = 'inputs' in shape ? 1 : shape.height * shape.width;
  const entryLayers = images * images * pixels * (deep - shallow);
  return { form, activation, precision, deep: run(deep), shallow: run(shallow), entryLayers };
}

/** The read-in alone: a network without layers. Engines cache read-ins by key, so that each is new. */
function readInProbe(engine: MeasuredEngine) {
  const [images, inputs] = [192, 3072];
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
  return { run, multiplyAdds: images * images * inputs };
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
    const data = noise(size);
    const pixels = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      const byte = Math.floor(128 * (1 + (data[i] as number)));
      pixels[i] = byte;
      data[i] = (byte - normalization.offset) * normalization.factor;
    }
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
