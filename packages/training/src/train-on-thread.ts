import { Worker } from 'node:worker_threads';
import { TesseraError } from '@tessera/spec';
import type {
  ThreadMessage,
  TrainingBackend,
  TrainingEnd,
  TrainingJob,
  WorkerMessage,
} from './training-job.js';

/** What came of a thread, and the milliseconds until it was ready. */
export interface ThreadEnd extends TrainingEnd {
  startMs: number;
}

export interface ThreadHooks {
  /** A checkpoint of this job on this backend to go on from; null: from the beginning. */
  findCheckpoint(backend: TrainingBackend): Promise<Uint8Array | null>;
  writeCheckpoint(bytes: Uint8Array, step: number, backend: TrainingBackend): Promise<void>;
  onStep(step: number): void;
}

/**
 * Trains a network on a thread of its own.
 * @throws TesseraError `cancelled` when the signal aborts: the thread is ended wherever it is; `engine-failed` where it fails
 */
export async function trainOnThread(
  job: TrainingJob,
  hooks: ThreadHooks,
  signal: AbortSignal,
): Promise<ThreadEnd> {
  if (signal.aborted) throw cancelled();
  const started = performance.now();
  let startMs = 0;
  const thread = new Worker(new URL('./training-thread.js', import.meta.url), { workerData: job });
  const tell = (message: WorkerMessage) => thread.postMessage(message);
  let onAbort = () => {};
  try {
    return await new Promise<ThreadEnd>((resolve, reject) => {
      let backend: TrainingBackend | null = null;
      const heard = async (message: ThreadMessage): Promise<void> => {
        switch (message.kind) {
          case 'ready':
            backend = message.backend;
            startMs = performance.now() - started;
            return tell({ kind: 'begin', checkpoint: await hooks.findCheckpoint(backend) });
          case 'step':
            return hooks.onStep(message.step);
          case 'checkpoint':
            await hooks.writeCheckpoint(message.bytes, message.step, backend as TrainingBackend);
            return tell({ kind: 'written' });
          case 'end':
            return resolve({ ...message.end, startMs });
        }
      };
      thread.on('message', (message: ThreadMessage) => heard(message).catch(reject));
      thread.on('error', (cause: Error) =>
        reject(new TesseraError('engine-failed', `TensorFlow.js failed: ${cause.message}`, { cause })),
      );
      thread.on('exit', () =>
        reject(new TesseraError('engine-failed', 'The thread that trained a network ended before it.')),
      );
      onAbort = () => reject(cancelled());
      signal.addEventListener('abort', onAbort, { once: true });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    await thread.terminate();
  }
}

const cancelled = () => new TesseraError('cancelled', 'The training was cancelled.');
