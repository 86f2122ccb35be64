/** The worker process: computes train tiles and prediction strips, one at a time a core. */
import { availableParallelism, hostname } from 'node:os';
import { analysisFingerprint } from '@tessera/analysis';
import { abilitiesOf } from '@tessera/engine';
import { OpenedExperiments } from '@tessera/experiment';
import { openLinalg } from '@tessera/linalg';
import { calibrate, measureSpeed, type ObservedTraining, trainingRatesOf } from '@tessera/plan';
import { openService, runMain, serveTasks, tuneHeap } from '@tessera/service';
import { withTraining } from '@tessera/spec';
import { BlockMemory } from './block-memory.js';
import type { Computation } from './computation.js';
import { openEngine } from './open-engine.js';
import { KnownPredictors } from './predictors.js';
import { computeStrip } from './strip.js';
import { computeTrainTile } from './train-tile.js';
import { computeTraining } from './training.js';

/** The networks, the last ones, that say what training takes here. */
const observedTrainings = 15;

await runMain(async () => {
  const service = await openService('worker');
  const threads = service.settings.threads ?? availableParallelism();
  const { engine, usesCores } = await openEngine(service.settings);
  const linalg = openLinalg({ threads });
  const computation: Computation = {
    engine,
    cores: linalg.cores,
    store: service.store,
    predictors: new KnownPredictors(),
    blocks: new BlockMemory(),
  };
  const rates = await calibrate(
    // What a device does says nothing of what a core costs.
    { engine: usesCores ? engine : null, linalg, store: service.store },
    { host: hostname(), hostCores: availableParallelism(), threads, memoryBytes: null },
  );
  const [precision = 'f64'] = engine.info.precisions;
  const speed = (await measureSpeed(engine, precision)) * (usesCores ? threads : 1);
  let observed: ObservedTraining[] = [];
  const experiments = new OpenedExperiments(service.db, service.store);
  await serveTasks(service, {
    role: 'worker',
    engine: engine.info.name,
    device: engine.info.device,
    fingerprint: `${engine.info.fingerprint}+${analysisFingerprint()}`,
    // A device needs a second task: its images are read and its result is written meanwhile. On cores a task gives its slot back.
    slots: usesCores ? threads : 2,
    rates,
    precisions: engine.info.precisions,
    // Networks are trained on TensorFlow.js beside any engine.
    abilities: abilitiesOf(engine).flatMap((ability) => [ability, withTraining(ability)]),
    memoryBytes: engine.info.memoryBytes,
    speed,
    async perform(task, signal, release) {
      const computed = usesCores ? release : () => {};
      const experiment = await experiments.get(task.experimentId);
      tuneHeap(experiment.plan.trainCount);
      if (task.wave === 'training') {
        const onStep = () => service.metrics.trainingSteps.inc();
        const trained = await computeTraining(computation, service.db, experiment, task, signal, onStep);
        const { observed: one, ...outcome } = trained;
        observed = [...observed, ...(one ? [one] : [])].slice(-observedTrainings);
        // The next heartbeat tells it.
        rates.training = trainingRatesOf(observed);
        return outcome;
      }
      const result =
        task.wave === 'train'
          ? await computeTrainTile(computation, experiment, task, signal, computed)
          : await computeStrip(computation, service.db, experiment, task, signal, computed);
      return { result, afterwards: null };
    },
    close: () => engine.close(),
  });
});
