/** The oracle: the plainest float64 computation of every architecture, which the other engines are tested against. */
import { setImmediate } from 'node:timers/promises';
import { TesseraError } from '@tessera/spec';
import {
  allocateResult,
  type Engine,
  type ImageBlock,
  type KernelTile,
  type TileResult,
  type TileTask,
} from '../engine.js';
import {
  countsFromReference,
  type ImageRecursion,
  imagePair,
  imageVariances,
  pixelVariances,
  sum,
  type VariancePlanes,
} from './cnn.js';
import { dualOf } from './dual.js';
import { type PairState, type Recursion, vectorPair, vectorVariance, vectorVariances } from './fcn.js';

const VERSION = '0.2.0';
/** How long the oracle computes before it lets the event loop run and looks at the abort signal. */
const SLICE_MS = 50;

type ReadOut = (depth: number, state: PairState) => void;
/** Lets the event loop run now and then; throws when the tile was cancelled. */
type Pause = () => Promise<void>;

/** After the readout, of one image at every depth: v_ref of the reference, v - v_ref of an image. */
interface Readout {
  nngp: number[];
  ntk: number[];
}

/** A network over the images of a task. */
interface Network {
  reference: Readout;
  rowDeviations: Readout[];
  colDeviations: Readout[];
  pair(i: number, j: number, readOut: ReadOut): Promise<void>;
}

/** Scalar float64 in TypeScript: slow, simple, and right. It reads images from `data` alone. */
export function oracleEngine(): Engine {
  return {
    info: {
      name: 'oracle',
      version: VERSION,
      device: 'cpu',
      instructionSet: 'scalar',
      memoryBytes: null,
      precisions: ['f64'],
      fingerprint: `oracle-${VERSION}`,
    },
    supports: () => null,
    computeTile,
    close: async () => {},
  };
}

async function computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult): Promise<TileResult> {
  if (task.precision !== 'f64') throw new TesseraError('engine-failed', 'The oracle computes in f64 alone.');
  const result = allocateResult(task, into);
  const { rows } = task;
  const cols = task.cols ?? rows;
  const pause = pauseFor(signal);
  await pause();
  const network = await (task.architecture.family === 'fcn' ? vectors(task, pause) : images(task, pause));
  for (const kind of ['nngp', 'ntk'] as const) {
    const tile = result[kind];
    if (tile !== null) writeVariances(task, tile, network, kind);
  }
  const position = new Map(task.depths.map((depth, index) => [depth, index]));
  for (let i = 0; i < rows.count; i++) {
    for (let j = task.cols === null ? i : 0; j < cols.count; j++) {
      await network.pair(i, j, (depth, state) => {
        const at = position.get(depth);
        if (at === undefined) return;
        const write = (row: number, col: number) => {
          const index = (at * rows.count + row) * cols.count + col;
          if (result.nngp?.matrix) result.nngp.matrix[index] = state.nngp;
          if (result.nngp?.complement) result.nngp.complement[index] = state.nngpComplement;
          if (result.ntk?.matrix) result.ntk.matrix[index] = state.ntk;
          if (result.ntk?.complement) result.ntk.complement[index] = state.ntkComplement;
        };
        write(i, j);
        if (task.cols === null) write(j, i);
      });
    }
  }
  return result;
}

function writeVariances(task: TileTask, tile: KernelTile, network: Network, kind: keyof Readout): void {
  const write = (into: Float64Array, images: Readout[]) => {
    task.depths.forEach((depth, at) => {
      images.forEach((image, i) => {
        into[at * images.length + i] = image[kind][depth] as number;
      });
    });
  };
  write(tile.reference, [network.reference]);
  write(tile.rowDeviations, network.rowDeviations);
  write(tile.colDeviations, network.colDeviations);
}

function pauseFor(signal: AbortSignal | undefined): Pause {
  let sliceEnds = performance.now() + SLICE_MS;
  return async () => {
    if (signal?.aborted) throw new TesseraError('cancelled', 'The tile was cancelled.');
    if (performance.now() < sliceEnds) return;
    await setImmediate();
    sliceEnds = performance.now() + SLICE_MS;
  };
}

const recursionOf = (task: TileTask): Recursion => ({
  dual: dualOf(task.architecture.activation),
  weightVariance: task.weightVariance,
  biasVariance: task.biasVariance,
  referenceVariance: task.referenceVariance,
  layers: Math.max(...task.depths),
});

function image(block: ImageBlock, index: number): Float64Array {
  const size = block.data.length / block.count;
  return block.data.subarray(index * size, (index + 1) * size);
}

async function eachOf<T>(images: Float64Array[], f: (x: Float64Array) => T, pause: Pause): Promise<T[]> {
  const results: T[] = [];
  for (const x of images) {
    await pause();
    results.push(f(x));
  }
  return results;
}

const imagesOf = (block: ImageBlock) => Array.from({ length: block.count }, (_, i) => image(block, i));

async function vectors(task: TileTask, pause: Pause): Promise<Network> {
  const recursion = recursionOf(task);
  const variancesOf = (x: Float64Array) => vectorVariances(recursion, vectorVariance(x));
  const rows = imagesOf(task.rows);
  const cols = task.cols === null ? rows : imagesOf(task.cols);
  const rowVariances = await eachOf(rows, variancesOf, pause);
  const colVariances = task.cols === null ? rowVariances : await eachOf(cols, variancesOf, pause);
  const reference = vectorVariances(recursion, task.referenceVariance);
  const deviations = (variances: ReturnType<typeof variancesOf>): Readout => ({
    nngp: variances.map(({ r }) => r),
    ntk: variances.map(({ rho }) => rho),
  });
  return {
    reference: { nngp: reference.map(({ q }) => q), ntk: reference.map(({ theta }) => theta) },
    rowDeviations: rowVariances.map(deviations),
    colDeviations: colVariances.map(deviations),
    async pair(i, j, readOut) {
      await pause();
      const pair = [rows[i] as Float64Array, cols[j] as Float64Array] as const;
      const variances = [rowVariances[i] as typeof reference, colVariances[j] as typeof reference] as const;
      vectorPair(recursion, pair, variances, readOut);
    },
  };
}

async function images(task: TileTask, pause: Pause): Promise<Network> {
  const { shape } = task.rows;
  if ('inputs' in shape) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
  const { architecture } = task;
  const { filterSize, padding } = architecture;
  const recursion: ImageRecursion = { ...recursionOf(task), ...shape, architecture, filterSize, padding };
  const variancesOf = (x: Float64Array) => imageVariances(recursion, pixelVariances(recursion, x));
  const rows = imagesOf(task.rows);
  const cols = task.cols === null ? rows : imagesOf(task.cols);
  const rowVariances = await eachOf(rows, variancesOf, pause);
  const colVariances = task.cols === null ? rowVariances : await eachOf(cols, variancesOf, pause);
  const gray = new Float64Array(shape.height * shape.width).fill(task.referenceVariance);
  const reference = imageVariances(recursion, gray);
  const shared = countsFromReference(recursion);
  const deviations = (depths: VariancePlanes[]): Readout =>
    shared
      ? { nngp: depths.map(() => 0), ntk: depths.map(() => 0) }
      : readOutDeviations(recursion.weightVariance, depths);
  return {
    reference: shared
      ? await pooledReference(recursion, reference, pause)
      : readOutVariances(recursion, reference),
    rowDeviations: rowVariances.map(deviations),
    colDeviations: colVariances.map(deviations),
    async pair(i, j, readOut) {
      const [a, b] = [rows[i] as Float64Array, cols[j] as Float64Array];
      const aDepths = rowVariances[i] as VariancePlanes[];
      const bDepths = colVariances[j] as VariancePlanes[];
      await imagePair(recursion, { a, b, aDepths, bDepths, reference }, pause, readOut);
    },
  };
}

const meanOf = (plane: Float64Array): number => sum(plane) / plane.length;

/** The readout of the reference's variances: the mean over pixels, then a Dense. */
function readOutVariances({ weightVariance, biasVariance }: Recursion, depths: VariancePlanes[]): Readout {
  const nngp = depths.map(({ q }) => weightVariance * meanOf(q) + biasVariance);
  return { nngp, ntk: depths.map(({ theta }, l) => (nngp[l] as number) + weightVariance * meanOf(theta)) };
}

function readOutDeviations(weightVariance: number, depths: VariancePlanes[]): Readout {
  const nngp = depths.map(({ r }) => weightVariance * meanOf(r));
  return { nngp, ntk: depths.map(({ rho }, l) => (nngp[l] as number) + weightVariance * meanOf(rho)) };
}

/** Global average pooling of the reference, an image of equal pixels. */
async function pooledReference(
  recursion: ImageRecursion,
  reference: VariancePlanes[],
  pause: Pause,
): Promise<Readout> {
  const { height, width, channels, referenceVariance } = recursion;
  const x = new Float64Array(height * width * channels).fill(Math.sqrt(referenceVariance));
  const readout: Readout = { nngp: [], ntk: [] };
  const itself = { a: x, b: x, aDepths: reference, bDepths: reference, reference };
  await imagePair(recursion, itself, pause, (depth, { nngp, ntk }) => {
    readout.nngp[depth] = nngp;
    readout.ntk[depth] = ntk;
  });
  return readout;
}
