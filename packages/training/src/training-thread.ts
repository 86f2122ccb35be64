/**
 * A thread that trains one network. TensorFlow.js computes a step without a pause, seconds where a network is large: on the
 * worker's own thread its heartbeats would wait, and a cancel; this thread is ended in the middle of a step.
 */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '@tessera/engine-tfjs';
import { decodeJobCheckpoint, encodeJobCheckpoint } from './checkpoint.js';
import { scoreOf } from './score.js';
import { trainNetwork } from './train-network.js';
import type { Score, ThreadMessage, TrainingJob, WorkerMessage } from './training-job.js';

/** Checkpoints come after a second, then after twice as long as before, up to half a minute. */
const firstCheckpointMs = 1000;
const mostCheckpointMs = 30_000;

const port = parentPort;
if (port === null) throw new Error('This module is a thread of train-on-thread.js.');
const tell = (message: ThreadMessage) => port.postMessage(message);
const answer = async (): Promise<WorkerMessage> => (await once(port, 'message'))[0] as WorkerMessage;

const { task, trainLabels, testLabels, testTargets, scoredSteps } = workerData as TrainingJob;
const { name, device, version } = await openBackend();
const backend = { name, device, version };
tell({ kind: 'ready', backend });
const begin = await answer();
const from = begin.kind === 'begin' && begin.checkpoint ? decodeJobCheckpoint(begin.checkpoint) : null;
const scores: Score[] = from?.scores ?? [];
let waitMs = firstCheckpointMs;
let savedAt = performance.now();
let leastStepMs: number | null = null;
const { step, diverged } = await trainNetwork(task, {
  checkpoint: from?.network ?? null,
  score: {
    steps: scoredSteps,
    take(at, { train, test }) {
      const onTrain = scoreOf(train, trainLabels, task.labels);
      const onTest = scoreOf(test, testLabels, testTargets);
      scores.push({
        step: at,
        trainAccuracy: onTrain.accuracy,
        testAccuracy: onTest.accuracy,
        trainLoss: onTrain.loss,
        testLoss: onTest.loss,
      });
    },
  },
  save: {
    isDue: (at) => at < task.steps && performance.now() - savedAt >= waitMs,
    async write(bytes, at) {
      tell({ kind: 'checkpoint', bytes: encodeJobCheckpoint({ scores, network: bytes }), step: at });
      await answer();
      savedAt = performance.now();
      waitMs = Math.min(mostCheckpointMs, 2 * waitMs);
    },
  },
  onProgress(at, milliseconds) {
    if (milliseconds !== null) leastStepMs = Math.min(leastStepMs ?? milliseconds, milliseconds);
    tell({ kind: 'step', step: at });
  },
});
tell({ kind: 'end', end: { scores, step, diverged, backend, leastStepMs } });
port.close();
