/** Our side of the engine rows: calls of the native engine, on every core, in the form that a spec gets by default. */

import { unseen } from '../images.mjs';
import { timed } from '../timing.mjs';

export const sizes = {
  fcn: { train: 1000, depth: 20 },
  'test-train': { train: 500, test: 2000, depth: 20 },
  'cnn-flatten': { train: 64, depth: 10 },
  'cnn-gap': { train: 4, depth: 10 },
};
export const variances = { weightVariance: 1.5, biasVariance: 0.1 };

export const architectureOf = (family, activation, padding = 'circular') => ({
  family,
  activation: { name: activation },
  filterSize: 3,
  padding,
});

/**
 * Calls of one tile, each with the whole form of a train tile (matrix and complement of both kinds), written over an
 * earlier result as a worker's strips are: fresh pages are the store's and the reader's cost, not a kernel's.
 */
export class Tile {
  #engine;
  #task;
  #result;

  /** @param task what it does not say is the whole form, and a symmetric tile */
  constructor(bench, task) {
    this.#engine = bench.engine;
    const whole = { kernels: ['nngp', 'ntk'], arrays: ['matrix', 'complement'], cols: null };
    this.#task = { ...variances, ...whole, ...task };
  }

  /** Milliseconds of a call with nothing of its images cached. */
  async fromImages() {
    const { rows, cols } = this.#task;
    const task = { ...this.#task, rows: unseen(rows), cols: cols && unseen(cols) };
    return this.#call(task);
  }

  /** Milliseconds of a call whose read-in the engine has at hand. */
  async withReadIn() {
    return this.#call(this.#task);
  }

  /** The last call's. */
  get result() {
    return this.#result;
  }

  async #call(task) {
    return timed(async () => {
      this.#result = await this.#engine.computeTile(task, undefined, this.#result);
    });
  }
}

/** |x|^2 / n of the first image: what the services hand the engine too. */
export const referenceVarianceOf = ({ data, count }) =>
  data.subarray(0, data.length / count).reduce((sum, x) => sum + x * x, 0) / (data.length / count);

/** The images of a size. @returns {{rows, cols, referenceVariance}} */
export async function imagesOf(bench, { train, test = 0 }) {
  const images = await bench.images();
  const subset = await images.subset({ train, test });
  const trainBlock = await subset.block('train', 0, train);
  const referenceVariance = referenceVarianceOf(trainBlock);
  if (test === 0) return { rows: trainBlock, cols: null, referenceVariance };
  return { rows: await subset.block('test', 0, test), cols: trainBlock, referenceVariance };
}
