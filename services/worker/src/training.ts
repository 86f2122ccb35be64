import {
  type ClaimedTask,
  type Database,
  kernelAnalyses,
  noteStep,
  type TrainingRecord,
} from '@tessera/database';
import { labelMatrix } from '@tessera/dataset';
import { NotYet, type OpenedExperiment } from '@tessera/experiment';
import { kernelAt, type ObservedTraining, trainedImages, trainingAt, trainingStepNs } from '@tessera/plan';
import { type TrainingSpec, trainingOf } from '@tessera/spec';
import { type NetworkSpec, type ThreadEnd, type TrainingJob, trainOnThread } from '@tessera/training';
import type { Computation, Computed } from './computation.js';
import { scoredSteps } from './scored-steps.js';
import { TrainingCheckpoints } from './training-checkpoints.js';

/** Between two notes of the step that a network has reached. */
const noteEveryMs = 1000;

/** What a trained network leaves: its row, and once that is accepted nothing in the store. */
export interface TrainedNetwork {
  result: Computed & { engine: string; device: string };
  trainings: TrainingRecord[];
  /** What it took, where it says something of this machine. */
  observed: ObservedTraining | null;
  afterwards: () => Promise<void>;
}

/**
 * Trains one network of finite width on the kernel's images and labels, from the last checkpoint where there is a sound one.
 * It holds a core meanwhile.
 * @param onStep for the metrics: a step was taken
 * @throws NotYet where the analysis that its learning rate comes from is not done
 */
export async function computeTraining(
  { cores, store }: Pick<Computation, 'cores' | 'store'>,
  db: Database,
  experiment: OpenedExperiment,
  task: ClaimedTask,
  signal: AbortSignal,
  onStep: () => void,
): Promise<TrainedNetwork> {
  const { id, spec, plan, subset } = experiment;
  const training = trainingOf(spec) as TrainingSpec;
  const { depth, seed } = trainingAt(plan, spec, task.index);
  const { weightVariance, biasVariance } = kernelAt(plan, task.kernelIndex);
  const counts = { train: plan.trainCount, test: plan.testCount };
  const { images, testImages, batch } = trainedImages(training, counts);
  const rates = await ratesOf(db, experiment, task.kernelIndex, depth, training);
  const started = performance.now();
  const checkpoints = new TrainingCheckpoints(store, id, task);
  let trained: NetworkSpec | null = null;
  const end = await cores.run(1, async (): Promise<ThreadEnd | null> => {
    if (rates.learningRate === null) return null;
    const train = await subset.block('train', 0, images);
    const test = await subset.block('test', 0, testImages);
    const labelsOf = (labels: Int32Array) =>
      labelMatrix(labels, subset.classes, spec.dataset.labels, subset.trainLabels);
    const trainLabels = subset.trainLabels.slice(0, images);
    const testLabels = subset.testLabels.slice(0, testImages);
    const { architecture } = spec;
    const { width, steps } = training;
    const job: TrainingJob = {
      task: {
        network: {
          architecture,
          weightVariance,
          biasVariance,
          depth,
          width,
          outputs: subset.classes,
          shape: train.shape,
        },
        seed,
        // Copies: what is sent to a thread is a whole buffer.
        train: train.data.slice(),
        test: test.data.slice(),
        labels: labelsOf(trainLabels),
        learningRate: rates.learningRate,
        batch: batch < images ? batch : null,
        steps,
      },
      trainLabels,
      testLabels,
      testTargets: labelsOf(testLabels),
      scoredSteps: scoredSteps(steps, rates.stepsPerTime, spec.analysis.dynamics?.times ?? []),
    };
    const { network, learningRate } = job.task;
    trained = network;
    const identity = { network, seed, learningRate, batch, steps, images, testImages };
    let notedAt = performance.now();
    return trainOnThread(
      job,
      {
        findCheckpoint: (backend) => checkpoints.find({ ...identity, backend }),
        writeCheckpoint: (bytes, step, backend) => checkpoints.write({ ...identity, backend }, step, bytes),
        onStep(step) {
          onStep();
          if (performance.now() - notedAt < noteEveryMs) return;
          notedAt = performance.now();
          // Only for who watches: the next note says more.
          noteStep(db, task, step).catch(() => {});
        },
      },
      signal,
    );
  });
  const { backend } = end ?? { backend: { name: 'none', device: 'none', version: '' } };
  const { step: _, ...last } = end?.scores.at(-1) ?? noScore;
  const time = (step: number) => (rates.stepsPerTime === null ? null : step / rates.stepsPerTime);
  const row: TrainingRecord = {
    ordinal: task.kernelIndex * (plan.trainingsPerKernel ?? 0) + task.index,
    kernelIndex: task.kernelIndex,
    weightVariance,
    biasVariance,
    depth,
    seed,
    width: training.width,
    images,
    testImages,
    batch: batch < images ? batch : null,
    learningRate: rates.learningRate,
    maxLearningRate: rates.maxLearningRate,
    steps: end?.step ?? 0,
    diverged: end?.diverged ?? false,
    ...last,
    scores: (end?.scores ?? []).map(({ step, ...scores }) => ({ step, time: time(step), ...scores })),
    backend: `${backend.name} (${backend.device})`,
    version: backend.version,
    seconds: (performance.now() - started) / 1000,
    resumedFrom: checkpoints.foundStep,
    warnings: warningsOf(rates, end),
  };
  return {
    result: {
      pieces: {},
      bytes: checkpoints.bytes,
      result: null,
      engine: 'tfjs',
      device: `${backend.device} (${backend.name})`,
    },
    trainings: [row],
    observed: trained && end && observedOf(end, trained, batch),
    afterwards: () => checkpoints.delete(),
  };
}

/** TensorFlow's C library takes all cores, or a card: neither says what a step takes of one core. */
function observedOf(
  { leastStepMs, startMs, backend }: ThreadEnd,
  network: NetworkSpec,
  batch: number,
): ObservedTraining | null {
  if (leastStepMs === null || backend.name.startsWith('tfjs-node')) return null;
  return {
    stepNs: leastStepMs * 1e6,
    builtInStepNs: trainingStepNs(network, batch),
    startNs: startMs * 1e6,
  };
}

const noScore = { step: 0, trainAccuracy: null, testAccuracy: null, trainLoss: null, testLoss: null };

interface Rates {
  /** null: the spectrum it is a part of is not there. */
  learningRate: number | null;
  maxLearningRate: number | null;
  /** Steps in a unit of the time of the kernel's gradient flow. */
  stepsPerTime: number | null;
}

/** The learning rate of a network at one depth of a kernel, by the spectrum of its NTK. */
async function ratesOf(
  db: Database,
  { id, spec, plan }: OpenedExperiment,
  kernelIndex: number,
  depth: number,
  training: TrainingSpec,
): Promise<Rates> {
  const rows = await kernelAnalyses(db, id, kernelIndex);
  if (rows.length !== plan.analysesPerKernel) throw new NotYet('an analysis of this kernel is not done');
  const maxLearningRate =
    rows.find((row) => row.kernel === 'ntk' && row.depth === depth)?.maxLearningRate ?? null;
  const given = training.learningRate;
  const part = given === 'max' ? 1 : typeof given === 'object' ? given.ofMax : null;
  const learningRate =
    typeof given === 'number' ? given : maxLearningRate === null ? null : (part ?? 1) * maxLearningRate;
  const flow = spec.analysis.dynamics?.learningRate;
  const flowRate = flow === 'max' ? maxLearningRate : (flow ?? null);
  return {
    learningRate,
    maxLearningRate,
    stepsPerTime: learningRate === null || flowRate === null ? null : flowRate / learningRate,
  };
}

function warningsOf({ learningRate, maxLearningRate }: Rates, end: ThreadEnd | null): string[] {
  if (learningRate === null)
    return [
      'Not trained: the NTK of this depth has no finite largest eigenvalue, of which the rate is a part.',
    ];
  if (!end?.diverged) return [];
  const largest = maxLearningRate === null ? '' : `, of which ${maxLearningRate} is the largest stable one`;
  return [`Diverged at the learning rate ${learningRate}${largest}: take a smaller one.`];
}
