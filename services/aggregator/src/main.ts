/** The aggregator process: assembles and decomposes matrices, finishes kernels. */
import { availableParallelism, hostname } from 'node:os';
import { analysisFingerprint } from '@tessera/analysis';
import { OpenedExperiments } from '@tessera/experiment';
import { FairBudget, openLinalg } from '@tessera/linalg';
import { calibrate } from '@tessera/plan';
import { openService, runMain, serveTasks, tuneHeap } from '@tessera/service';
import { analyzeBatch } from './analysis-batch.js';
import { finishKernel } from './finish-kernel.js';
import { MatrixMemory } from './matrix-memory.js';
import { MemoryBudget } from './memory-budget.js';

await runMain(async () => {
  const service = await openService('aggregator');
  const { db, store } = service;
  const threads = service.settings.threads ?? availableParallelism();
  const linalg = openLinalg({ threads });
  const { aggregatorMemory } = service.settings;
  const aggregation = {
    db,
    store,
    linalg,
    memory: new MemoryBudget(aggregatorMemory),
    matrices: new MatrixMemory(),
    turns: new FairBudget(threads),
  };
  const rates = await calibrate(
    { engine: null, linalg, store },
    {
      host: hostname(),
      hostCores: availableParallelism(),
      threads,
      memoryBytes: aggregatorMemory,
    },
  );
  const experiments = new OpenedExperiments(db, store);
  await serveTasks(service, {
    role: 'aggregator',
    engine: 'openblas',
    device: linalg.version,
    // Large decompositions run on all of them.
    fingerprint: `${linalg.fingerprint}-${threads}+${analysisFingerprint()}`,
    slots: threads,
    rates,
    async perform(task, signal) {
      const experiment = await experiments.get(task.experimentId);
      tuneHeap(experiment.plan.trainCount);
      const work = task.wave === 'finish' ? finishKernel : analyzeBatch;
      const { analyses, afterwards, ...result } = await work(aggregation, experiment, task, signal);
      return { result, analyses, afterwards };
    },
    async close() {},
  });
});
