/**
 * Gradient descent of 1/2 |f - Y|^2, summed over the images of a step: with all of them the flow that the kernel predicts, at
 * the rate eta <= 2/lambda_max of the kernel; with batches drawn without repetition, epoch by epoch, stable at the same rate, since
 * a batch's kernel is a part of the whole. f is the network minus what it was at its initialisation, so that it starts at 0 as
 * the kernel's mean prediction does.
 */

import { setImmediate } from 'node:timers/promises';
import { add, gather, mul, sub, sum, type Tensor, tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { RandomStream } from '@tessera/dataset';
import { TesseraError } from '@tessera/spec';
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
  /** Gets one every so many steps. */
  save?: { everySteps: number; write(bytes: Uint8Array, step: number): Promise<void> };
  onProgress?: (step: number) => void;
  signal?: AbortSignal;
}

/** What f is at the end, (images, outputs). */
export interface Trained {
  train: Float32Array;
  test: Float32Array;
}

/** The largest rate at which gradient descent on a kernel with this largest eigenvalue does not diverge. */
export const maximalRate = (lambdaMax: number): number => 2 / lambdaMax;

/** @throws TesseraError `cancelled` when the signal aborts; `engine-failed` where the network diverged */
export async function trainNetwork(task: TrainingTask, hooks: TrainingHooks = {}): Promise<Trained> {
  const { network, seed, steps, learningRate } = task;
  const shapes = parameterShapes(network);
  const drawn = drawParameters(network, seed);
  const lengths = drawn.map(({ length }) => length);
  const from: Checkpoint = hooks.checkpoint
    ? decodeCheckpoint(hooks.checkpoint, lengths)
    : { step: 0, parameters: drawn };
  const kept: Tensor[] = [];
  const keep = (made: Tensor) => {
    kept.push(made);
    return made;
  };
  const upload = (all: Float32Array[]) => all.map((values, i) => tensor(values, shapes[i] as number[]));
  let parameters = upload(from.parameters);
  try {
    const [train, test] = [keep(imageTensor(network, task.train)), keep(imageTensor(network, task.test))];
    const labels = keep(tensor(Float32Array.from(task.labels), [train.shape[0] as number, network.outputs]));
    const initial = upload(drawn);
    const startTrain = keep(tidy(() => applyNetwork(network, initial, train)));
    const startTest = keep(tidy(() => applyNetwork(network, initial, test)));
    for (const each of initial) each.dispose();
    const batches = new Batches(seed, train.shape[0] as number, task.batch);
    for (let step = from.step; step < steps; step++) {
      await setImmediate();
      if (hooks.signal?.aborted) throw new TesseraError('cancelled', 'The training was cancelled.');
      const next = tidy(() => {
        const chosen = batches.at(step);
        const part = (whole: Tensor) => (chosen === null ? whole : gather(whole, tensor1d(chosen, 'int32')));
        const target = add(part(labels), part(startTrain));
        const images = part(train);
        const loss = (...all: Tensor[]) => {
          const apart = sub(applyNetwork(network, all, images), target);
          return mul(sum(mul(apart, apart)), 0.5) as Tensor;
        };
        return grads(loss)(parameters).map((gradient, i) =>
          sub(parameters[i] as Tensor, mul(gradient, learningRate)),
        );
      });
      for (const each of parameters) each.dispose();
      parameters = next as Tensor[];
      hooks.onProgress?.(step + 1);
      if (hooks.save && (step + 1) % hooks.save.everySteps === 0) {
        const values = (await Promise.all(parameters.map((each) => each.data()))) as Float32Array[];
        await hooks.save.write(encodeCheckpoint({ step: step + 1, parameters: values }), step + 1);
      }
    }
    const outputs = async (images: Tensor, start: Tensor) => {
      const made = tidy(() => sub(applyNetwork(network, parameters, images), start));
      const values = (await made.data()) as Float32Array;
      made.dispose();
      return values;
    };
    const trained = { train: await outputs(train, startTrain), test: await outputs(test, startTest) };
    if (!trained.train.every(Number.isFinite)) {
      throw new TesseraError(
        'engine-failed',
        `The training diverged at the learning rate ${learningRate}: take a smaller one.`,
      );
    }
    return trained;
  } finally {
    for (const each of [...kept, ...parameters]) each.dispose();
  }
}

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
