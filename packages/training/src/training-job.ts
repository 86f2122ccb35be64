/** What is said between a worker and the thread that trains a network for it. */
import type { TrainingScore } from '@tessera/spec';
import type { TrainingTask } from './train-network.js';

export interface TrainingJob {
  task: TrainingTask;
  /** Of every image its class, and (images, outputs) what f should be. */
  trainLabels: Int32Array;
  testLabels: Int32Array;
  testTargets: Float64Array;
  /** Steps after which the network is scored, ascending. */
  scoredSteps: readonly number[];
}

export type Score = Omit<TrainingScore, 'time'>;

/** What computes: equal ones give equal bits. */
export interface TrainingBackend {
  /** `wasm`, `tfjs-node-gpu`, ... */
  name: string;
  device: string;
  version: string;
}

export interface TrainingEnd {
  scores: Score[];
  step: number;
  diverged: boolean;
  backend: TrainingBackend;
  /** Of the steps that this thread took with all the images of a step; null: it took none. */
  leastStepMs: number | null;
}

/** From the thread: it is ready, has taken a step, asks for a checkpoint to be written, has ended. */
export type ThreadMessage =
  | { kind: 'ready'; backend: TrainingBackend }
  | { kind: 'step'; step: number }
  | { kind: 'checkpoint'; bytes: Uint8Array; step: number }
  | { kind: 'end'; end: TrainingEnd };

/** To the thread: where to begin, and that a checkpoint is written. */
export type WorkerMessage = { kind: 'begin'; checkpoint: Uint8Array | null } | { kind: 'written' };
