/** What a trained network takes: its numbers, multiply-adds of a step, bytes. */
import {
  type Architecture,
  type ExperimentSpec,
  expandAxis,
  type ImageShape,
  inputCount,
  type TrainingSpec,
  trainingOf,
} from '@tessera/spec';
import { builtInCosts, type CostTable } from './cost-table.js';
import type { PlanCounts } from './plan-counts.js';

/** Networks of one kernel: depth by depth, seed by seed. */
export function trainingsPerKernel(spec: ExperimentSpec): number {
  const training = trainingOf(spec);
  return training === null ? 0 : trainedDepths(spec, training).length * training.seeds;
}

/** The depths that networks are trained of, in the order of their tasks. */
export function trainedDepths(spec: ExperimentSpec, training: TrainingSpec): number[] {
  return training.depths ?? expandAxis(spec.grid.depth);
}

/** Images of the training of a network, of its tests, and of one step. */
export function trainedImages(training: TrainingSpec, counts: Pick<PlanCounts, 'train' | 'test'>) {
  const images = training.images ?? counts.train;
  const batch = training.batch === 'full' ? images : Math.min(training.batch, images);
  return { images, testImages: training.testImages ?? counts.test, batch };
}

interface NetworkSize {
  /** Numbers that are trained. */
  parameters: number;
  /** Of the read-in, whose images need no gradient, and of all layers behind it: multiply-adds for one image forward. */
  readIn: number;
  layers: number;
  /** Numbers that the layers of one image hold, without the image itself. */
  entries: number;
}

/** What of a network its step costs by. */
export interface PlannedNetwork {
  architecture: Pick<Architecture, 'family' | 'filterSize'>;
  shape: ImageShape;
  outputs: number;
  width: number;
  depth: number;
}

function networkSize({ architecture, shape, outputs, width, depth }: PlannedNetwork): NetworkSize {
  const { family, filterSize } = architecture;
  if (family === 'fcn' || 'inputs' in shape) {
    const readIn = inputCount(shape) * (depth === 0 ? outputs : width);
    const layers = depth === 0 ? 0 : (depth - 1) * width * width + width * outputs;
    const biases = depth === 0 ? 0 : (depth - 1) * width + outputs;
    return { parameters: readIn + layers + biases, readIn, layers, entries: 2 * depth * width };
  }
  const pixels = shape.height * shape.width;
  const filter = filterSize ** 2 * width;
  const read = family === 'cnn-gap' ? width : pixels * width;
  return {
    parameters: shape.channels * width + depth * (filter + 1) * width + (read + 1) * outputs,
    readIn: pixels * shape.channels * width,
    layers: depth * pixels * filter * width + read * outputs,
    entries: pixels * depth * (filter + 2 * width),
  };
}

/** The networks of an experiment, one a depth. */
function networksOf(spec: ExperimentSpec, counts: PlanCounts, training: TrainingSpec): PlannedNetwork[] {
  const { classes: outputs, shape } = counts;
  return trainedDepths(spec, training).map((depth) => ({
    architecture: spec.architecture,
    shape,
    outputs,
    width: training.width,
    depth,
  }));
}

/** ns of one step of gradient descent on one core. */
export function trainingStepNs(
  network: PlannedNetwork,
  batch: number,
  costs: CostTable = builtInCosts,
): number {
  const { parameters, readIn, layers, entries } = networkSize(network);
  // Forward; back to the weights; and, behind the read-in, back to the layer before.
  const image = (2 * readIn + 3 * layers) * costs.trainMultiplyAdd + entries * costs.trainEntry;
  return batch * image + parameters * costs.trainParameter + costs.trainStep;
}

/** ns of one kernel's networks on one core. */
export function trainingsNs(spec: ExperimentSpec, counts: PlanCounts, costs: CostTable): number {
  const training = trainingOf(spec);
  if (training === null) return 0;
  const { images, testImages, batch } = trainedImages(training, counts);
  const forwards = trainingScores * (images + testImages);
  return networksOf(spec, counts, training).reduce((sum, network) => {
    const { readIn, layers, entries } = networkSize(network);
    const step = trainingStepNs(network, batch, costs);
    const score = (readIn + layers) * costs.trainMultiplyAdd + entries * costs.trainEntry;
    return sum + training.seeds * (training.steps * step + forwards * score + costs.trainStart);
  }, 0);
}

/** Scores that are taken of a network on its way, about. */
const trainingScores = 12;

/** Bytes of the largest network's step, and of all checkpoints of a kernel; float32. */
export function trainingBytes(
  spec: ExperimentSpec,
  counts: PlanCounts,
): { step: number; checkpoints: number } {
  const training = trainingOf(spec);
  if (training === null) return { step: 0, checkpoints: 0 };
  const { images, testImages, batch } = trainedImages(training, counts);
  const sizes = networksOf(spec, counts, training).map(networkSize);
  const inputs = inputCount(counts.shape);
  const data = (images + testImages) * inputs;
  // Parameters, gradients, the next parameters; activations, what the gradients keep of them, and their gradients.
  const step = sizes.map(
    ({ parameters, entries }) => 4 * (4 * parameters + 3 * batch * (inputs + entries) + data),
  );
  const checkpoints = sizes.reduce((sum, { parameters }) => sum + 4 * parameters * training.seeds, 0);
  return { step: Math.max(...step), checkpoints };
}
