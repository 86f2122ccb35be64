/** An experiment of two kernels of three tiles, two analysis tasks, one strip, two networks: what the tests of races work on. */
import { type ExperimentSpec, queueWaves, type Wave } from '@tessera/spec';
import {
  acceptTask,
  advanceKernels,
  type ClaimedTask,
  claimTask,
  createExperiment,
  type Database,
  nameDataset,
  startExperiment,
  startKernels,
  type TaskWorker,
  takeReady,
  type WaveSizes,
} from '../src/index.js';

const spec = { name: 'test', dataset: { id: 'images' }, numerics: 'pinned', priority: 5 } as ExperimentSpec;
const plan = { kernels: 2, totals: { tiles: 6, analyses: 8, strips: 2, trainings: 4 } };

export const sizes: WaveSizes = {
  tasks: { train: 3, analysis: 2, strip: 1, training: 2, finish: 1 },
  analysesPerKernel: 4,
  analysisBatch: 3,
};
export const outcome = {
  pieces: {},
  bytes: 8,
  milliseconds: 3,
  engine: 'native',
  device: 'cpu',
  result: null,
};

const worker: TaskWorker = { id: 'w1', role: 'worker', fingerprint: 'f1' };
const aggregator: TaskWorker = { id: 'a1', role: 'aggregator', fingerprint: 'g1' };
/** Who computes a wave. */
export const whoDoes = (wave: Wave): TaskWorker =>
  queueWaves.tiles.some((one) => one === wave) ? worker : aggregator;

/** A running experiment with its first kernels started. */
export async function runningExperiment(db: Database, id: string, kernels = 1): Promise<void> {
  await nameDataset(db, { name: 'images', sha256: 'abc', uploadSha256: null, manifest: {} });
  await createExperiment(db, { id, spec, plan, provenance: {}, datasetSha256: 'abc', idempotency: null });
  await startExperiment(db, id);
  await startKernels(db, id, kernels, sizes.tasks.train);
}

/** Claims every ready task of a wave. */
export async function claimWave(db: Database, id: string, wave: Wave): Promise<ClaimedTask[]> {
  const claimed: ClaimedTask[] = [];
  for (const job of await takeReady(db, id, [wave], 100)) {
    const task = await claimTask(db, job, whoDoes(wave), 60_000);
    if (task) claimed.push(task);
  }
  return claimed;
}

/** Computes and accepts every ready task of a wave, then moves the kernels on. */
export async function finishWave(db: Database, id: string, wave: Wave): Promise<void> {
  for (const task of await claimWave(db, id, wave)) await acceptTask(db, task, whoDoes(wave), outcome);
  await advanceKernels(db, id, sizes);
}

/** The experiment's counters and every kernel's, beside what a count of the rows says; equal unless there is a bug. */
export async function countersAndRecounts(db: Database, id: string): Promise<[object[], object[]]> {
  const { rows: kernels } = await db.pool.query(
    `SELECT index, wave, wave_total, wave_done FROM kernels WHERE experiment_id = $1 AND state = 'active' ORDER BY index`,
    [id],
  );
  const { rows: recounted } = await db.pool.query(
    `SELECT k.index, k.wave, count(*)::int AS wave_total, count(*) FILTER (WHERE t.state = 'done')::int AS wave_done
     FROM kernels k JOIN tasks t ON t.experiment_id = k.experiment_id AND t.kernel_index = k.index AND t.wave = k.wave
     WHERE k.experiment_id = $1 AND k.state = 'active' GROUP BY k.index, k.wave ORDER BY k.index`,
    [id],
  );
  const { rows: totals } = await db.pool.query(
    'SELECT tiles_done, analyses_done, strips_done, trainings_done FROM experiments WHERE id = $1',
    [id],
  );
  // A finished kernel's task rows are gone: its share is whole.
  const { rows: sums } = await db.pool.query(
    `SELECT (done * 3 + COALESCE(sum(units) FILTER (WHERE wave = 'train'), 0))::int AS tiles_done,
            (done * 4 + COALESCE(sum(units) FILTER (WHERE wave = 'analysis'), 0))::int AS analyses_done,
            (done * 1 + COALESCE(sum(units) FILTER (WHERE wave = 'strip'), 0))::int AS strips_done,
            (done * 2 + COALESCE(sum(units) FILTER (WHERE wave = 'training'), 0))::int AS trainings_done
     FROM (SELECT count(*) AS done FROM kernels WHERE experiment_id = $1 AND state = 'done') AS finished
     LEFT JOIN tasks ON experiment_id = $1 AND state = 'done' GROUP BY done`,
    [id],
  );
  return [
    [...kernels, ...totals],
    [...recounted, ...sums],
  ];
}
