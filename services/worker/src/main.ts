/** The worker process: computes train tiles and prediction strips, one at a time a core. */
import { availableParallelism, hostname } from 'node:os';
import { analysisFingerprint } from '@tessera/analysis';
import { openNativeEngine } from '@tessera/engine-native';
import { OpenedExperiments } from '@tessera/experiment';
import { openLinalg } from '@tessera/linalg';
import { calibrate } from '@tessera/plan';
import { openService, runMain, serveTasks, tuneHeap } from '@tessera/service';
import { BlockMemory } from './block-memory.js';
import type { Computation } from './computation.js';
import { KnownPredictors } from './predictors.js';
import { computeStrip } from './strip.js';
import { computeTrainTile } from './train-tile.js';

await runMain(async () => {
  const service = await openService('worker');
  const threads = service.settings.threads ?? availableParallelism();
  const engine = openNativeEngine({});
  const linalg = openLinalg({ threads });
  const computation: Computation = {
    engine,
    cores: linalg.cores,
    store: service.store,
    predictors: new KnownPredictors(),
    blocks: new BlockMemory(),
  };
  const rates = await calibrate(
    { engine, linalg, store: service.store },
    { host: hostname(), hostCores: availableParallelism(), threads, memoryBytes: null },
  );
  const experiments = new OpenedExperiments(service.db, service.store);
  await serveTasks(service, {
    role: 'worker',
    engine: engine.info.name,
    device: engine.info.device,
    fingerprint: `${engine.info.fingerprint}+${analysisFingerprint()}`,
    // One more than is computed: its images are read and its result is written meanwhile.
    slots: threads + 1,
    rates,
    async perform(task, signal) {
      const experiment = await experiments.get(task.experimentId);
      tuneHeap(experiment.plan.trainCount);
      const computed =
        task.wave === 'train'
          ? await computeTrainTile(computation, experiment, task, signal)
          : await computeStrip(computation, service.db, experiment, task, signal);
      return { result: computed, analyses: [], afterwards: null };
    },
    close: () => engine.close(),
  });
});
