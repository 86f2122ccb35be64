/** The oracle: the plainest float64 computation of every architecture, which the other engines are tested against. */
import { setImmediate } from 'node:timers/promises';
import { TesseraError } from '@tessera/spec';
import { allocateResult, type Engine, type ImageBlock, type TileResult, type TileTask } from '../engine.js';
import { type ImageRecursion, imagePair, imageVariances } from './cnn.js';
import { dualOf } from './dual.js';
import { type Recursion, vectorPair, vectorVariances } from './fcn.js';

const VERSION = '0.1.0';
/** How long the oracle computes before it lets the event loop run and looks at the abort signal. */
const SLICE_MS = 50;

type ReadOut = (depth: number, nngp: number, ntk: number) => void;
type PairFunction = (i: number, j: number, readOut: ReadOut) => Promise<void>;
/** Lets the event loop run now and then; throws when the tile was cancelled. */
type Pause = () => Promise<void>;

/** Scalar float64 in TypeScript: slow, simple, and right. */
export function oracleEngine(): Engine {
  return {
    info: {
      name: 'oracle',
      version: VERSION,
      device: 'cpu',
      instructionSet: 'scalar',
      precisions: ['f64'],
      fingerprint: `oracle-${VERSION}`,
    },
    supports: () => null,
    computeTile,
    close: async () => {},
  };
}

async function computeTile(task: TileTask, signal?: AbortSignal, into?: TileResult) {
  if (task.precision !== 'f64') throw new TesseraError('engine-failed', 'The oracle computes in f64 alone.');
  const result = allocateResult(task, into);
  const { rows } = task;
  const cols = task.cols ?? rows;
  const pause = pauseFor(signal);
  const computePair = task.architecture.family === 'fcn' ? vectorPairs(task, pause) : imagePairs(task, pause);
  const position = new Map(task.depths.map((depth, index) => [depth, index]));
  for (let i = 0; i < rows.count; i++) {
    for (let j = task.cols === null ? i : 0; j < cols.count; j++) {
      await computePair(i, j, (depth, nngp, ntk) => {
        const at = position.get(depth);
        if (at === undefined) return;
        const write = (row: number, col: number) => {
          const index = (at * rows.count + row) * cols.count + col;
          if (result.nngp) result.nngp[index] = nngp;
          if (result.ntk) result.ntk[index] = ntk;
        };
        write(i, j);
        if (task.cols === null) write(j, i);
      });
    }
  }
  return result;
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
  layers: Math.max(...task.depths),
});

function image(block: ImageBlock, index: number): Float64Array {
  const size = block.data.length / block.count;
  return block.data.subarray(index * size, (index + 1) * size);
}

const imagesOf = (block: ImageBlock) => Array.from({ length: block.count }, (_, i) => image(block, i));

function vectorPairs(task: TileTask, pause: Pause): PairFunction {
  const recursion = recursionOf(task);
  const rows = imagesOf(task.rows);
  const cols = task.cols === null ? rows : imagesOf(task.cols);
  const rowVariances = rows.map((x) => vectorVariances(recursion, x));
  const colVariances = task.cols === null ? rowVariances : cols.map((x) => vectorVariances(recursion, x));
  return async (i, j, readOut) => {
    await pause();
    const [a, b] = [rows[i] as Float64Array, cols[j] as Float64Array];
    const [qa, qb] = [rowVariances[i] as Float64Array, colVariances[j] as Float64Array];
    vectorPair(recursion, { a, b, qa, qb, same: task.cols === null && i === j }, readOut);
  };
}

function imagePairs(task: TileTask, pause: Pause): PairFunction {
  const { shape } = task.rows;
  if ('inputs' in shape) throw new TesseraError('engine-failed', 'A CNN reads images, not vectors.');
  const recursion: ImageRecursion = { ...recursionOf(task), ...shape, architecture: task.architecture };
  const rows = imagesOf(task.rows);
  const cols = task.cols === null ? rows : imagesOf(task.cols);
  const rowVariances = rows.map((x) => imageVariances(recursion, x));
  const colVariances = task.cols === null ? rowVariances : cols.map((x) => imageVariances(recursion, x));
  return async (i, j, readOut) => {
    const [a, b] = [rows[i] as Float64Array, cols[j] as Float64Array];
    const [qa, qb] = [rowVariances[i] as Float64Array[], colVariances[j] as Float64Array[]];
    await imagePair(recursion, { a, b, qa, qb, same: task.cols === null && i === j }, pause, readOut);
  };
}
