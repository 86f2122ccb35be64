/**
 * Gradient descent of 1/2 |f - Y|^2, summed over the images of a step: with all of them the flow that the kernel predicts, at
 * the rate eta <= 2/lambda_max of the kernel; with batches drawn without repetition, epoch by epoch, stable at the same rate, since
 * a batch's kernel is a part of the whole. f is the network minus what it was at its initialisation, so that it starts at 0 as
 * the kernel's mean prediction does.
 */

import { setImmediate } from 'node:timers/promises';
import { gather, mul, sub, sum, type Tensor, tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { RandomStream } from '@tessera/dataset';
import { inputCount, TesseraError } from '@tessera/spec';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { grads } from './gradients.js';
import { applyNetwork, drawParameters, imageTensor, type NetworkSpec, parameterShapes } from './network.js';

export interface TrainingTask {
  network: NetworkSpec;
  seed: number;
  /** (images, inputs) */
  train: Float64Array;
  test: Float64Array;
  /** (training images, outputs) */
  labels: Float64Array;
  learningRate: number;
  /** Images of a step; null: all of them. */
  batch: number | null;
  steps: number;
}

export interface TrainingHooks {
  /** A checkpoint to go on from; its end must be the same, to the bit, as without. */
  checkpoint?: Uint8Array | null;
  /** Gets one after the steps it says. */
  save?: { isDue(step: number): boolean; write(bytes: Uint8Array, step: number): Promise<void> };
  /** Gets what f is after each of these steps, ascending; training ends where it is not finite any more. */
  score?: { steps: readonly number[]; take(step: number, predicted: Predicted): void };
  /** Gets every step that was taken, and the milliseconds of it; of a step of fewer images than others null. */
  onProgress?: (step: number, milliseconds: number | null) => void;
  signal?: AbortSignal;
}

/** What f is, (images, outputs). */
export interface Predicted {
  train: Float32Array;
  test: Float32Array;
}

export interface Trained extends Predicted {
  /** Steps that were taken. */
  step: number;
  /** f on the training images is no finite number any more. */
  diverged: boolean;
}

/** The largest rate at which gradient descent on a kernel with this largest eigenvalue does not diverge. */
export const maximalRate = (lambdaMax: number): number => 2 / lambdaMax;

/** @throws TesseraError `cancelled` when the signal aborts */
export async function trainNetwork(task: TrainingTask, hooks: TrainingHooks = {}): Promise<Trained> {
  const { network, seed, steps, learningRate } = task;
  const shapes = parameterShapes(network);
  const drawn = drawParameters(network, seed);
  const lengths = drawn.map(({ length }) => length);
  const from: Checkpoint = hooks.checkpoint
    ? decodeCheckpoint(hooks.checkpoint, lengths)
    : { step: 0, parameters: drawn };
  const upload = (all: Float32Array[]) => all.map((values, i) => tensor(values, shapes[i] as number[]));
  const kept: Tensor[] = [];
  let parameters = upload(from.parameters);
  try {
    const train = imageTensor(network, task.train);
    kept.push(train);
    const images = train.shape[0] as number;
    const atOnce = task.batch ?? images;
    const initial = upload(drawn);
    const startTrain = await outputsOf(network, initial, task.train, atOnce);
    const startTest = await outputsOf(network, initial, task.test, atOnce);
    for (const each of initial) each.dispose();
    const targets = tensor(
      startTrain.map((start, i) => start + (task.labels[i] as number)),
      [images, network.outputs],
    );
    kept.push(targets);
    const predict = async (): Promise<Predicted> => ({
      train: apart(await outputsOf(network, parameters, task.train, atOnce), startTrain),
      test: apart(await outputsOf(network, parameters, task.test, atOnce), startTest),
    });
    const scored = new Set(hooks.score?.steps);
    const batches = new Batches(seed, images, task.batch);
    for (let step = from.step; step < steps; ) {
      await setImmediate();
      if (hooks.signal?.aborted) throw new TesseraError('cancelled', 'The training was cancelled.');
      const chosen = batches.at(step);
      const started = performance.now();
      const next = tidy(() => {
        const part = (whole: Tensor) => (chosen === null ? whole : gather(whole, tensor1d(chosen, 'int32')));
        const [some, wanted] = [part(train), part(targets)];
        const loss = (...all: Tensor[]) => {
          const difference = sub(applyNetwork(network, all, some), wanted);
          return mul(sum(mul(difference, difference)), 0.5) as Tensor;
        };
        return grads(loss)(parameters).map((gradient, i) =>
          sub(parameters[i] as Tensor, mul(gradient, learningRate)),
        );
      });
      for (const each of parameters) each.dispose();
      parameters = next as Tensor[];
      step++;
      const isWhole = chosen === null || chosen.length === task.batch;
      hooks.onProgress?.(step, isWhole ? performance.now() - started : null);
      if (scored.has(step)) {
        const predicted = await predict();
        hooks.score?.take(step, predicted);
        if (!predicted.train.every(Number.isFinite)) return { ...predicted, step, diverged: true };
      }
      if (hooks.save?.isDue(step)) {
        const values = (await Promise.all(parameters.map((each) => each.data()))) as Float32Array[];
        await hooks.save.write(encodeCheckpoint({ step, parameters: values }), step);
      }
    }
    const predicted = await predict();
    return { ...predicted, step: steps, diverged: !predicted.train.every(Number.isFinite) };
  } finally {
    for (const each of [...kept, ...parameters]) each.dispose();
  }
}

/** f(x) of any number of images, `atOnce` at a time: their layers are in memory together. */
async function outputsOf(
  network: NetworkSpec,
  parameters: readonly Tensor[],
  images: Float64Array,
  atOnce: number,
): Promise<Float32Array> {
  const inputs = inputCount(network.shape);
  const count = images.length / inputs;
  const outputs = new Float32Array(count * network.outputs);
  for (let first = 0; first < count; first += atOnce) {
    await setImmediate();
    const some = images.subarray(first * inputs, Math.min(count, first + atOnce) * inputs);
    const made = tidy(() => applyNetwork(network, parameters, imageTensor(network, some)));
    outputs.set((await made.data()) as Float32Array, first * network.outputs);
    made.dispose();
  }
  return outputs;
}

const apart = (now: Float32Array, start: Float32Array): Float32Array =>
  now.map((value, i) => value - (start[i] as number));

/** The images of each step: an epoch's permutation is drawn by the seed and the epoch alone, so that a run can begin anywhere. */
class Batches {
  readonly #seed: number;
  readonly #count: number;
  readonly #size: number | null;
  #epoch = -1;
  #order: number[] = [];

  constructor(seed: number, count: number, size: number | null) {
    this.#seed = seed;
    this.#count = count;
    this.#size = size !== null && size < count ? size : null;
  }

  /** null: all of them. */
  at(step: number): number[] | null {
    if (this.#size === null) return null;
    const perEpoch = Math.ceil(this.#count / this.#size);
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== this.#epoch) {
      const all = Array.from({ length: this.#count }, (_, i) => i);
      this.#order = new RandomStream(this.#seed, firstEpochStream + epoch).draw(all, this.#count);
      this.#epoch = epoch;
    }
    const begin = (step % perEpoch) * this.#size;
    return this.#order.slice(begin, begin + this.#size);
  }
}

/** Streams below are the parameters'. */
const firstEpochStream = 2 ** 20;
