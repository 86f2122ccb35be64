import {
  advanceKernels,
  countKernels,
  countReady,
  type Database,
  loadOpenExperiment,
  makeMoreTiles,
  type OpenExperiment,
  refuseExperiment,
  rowsAtOnce,
  type Standing,
  settleCancelled,
  settleFinished,
  startExperiment,
  startKernels,
  type WaveSizes,
} from '@tessera/database';
import { type Plan, temporaryBytesAim } from '@tessera/plan';
import { queueWaves, TesseraError } from '@tessera/spec';
import type { DispatcherLog } from './dispatcher.js';

/** What the dispatcher has done outside the database at the ends of an experiment's life; both idempotent. */
export interface ExperimentHooks {
  /** Before the first task: makes the experiment's Zarr group. */
  prepare(experiment: OpenExperiment<Plan>): Promise<void>;
  /** After the last kernel: writes the `complete` marker. */
  complete(experiment: OpenExperiment<Plan>): Promise<void>;
}

/** The experiments' specs and plans, which never change, kept while they are open. */
export interface KnownPlans {
  get(id: string): Promise<OpenExperiment<Plan> | null>;
  keepOnly(ids: readonly string[]): void;
}

export function knownPlans(db: Database): KnownPlans {
  const known = new Map<string, OpenExperiment<Plan>>();
  return {
    async get(id) {
      const cached = known.get(id);
      if (cached) return cached;
      const loaded = await loadOpenExperiment<Plan>(db, id);
      if (loaded) known.set(id, loaded);
      return loaded;
    },
    keepOnly(ids) {
      const open = new Set(ids);
      for (const id of known.keys()) if (!open.has(id)) known.delete(id);
    },
  };
}

interface Context {
  db: Database;
  plans: KnownPlans;
  log: DispatcherLog;
  hooks: ExperimentHooks;
  /** Experiments that share the bound on temporary bytes, this one included. */
  sharers: number;
  /** New work waits: no kernel is started. */
  isPaused: boolean;
}

/**
 * Takes one open experiment as far as it can go now without computing anything.
 * @returns true where it made as many rows as one pass should, and has more to make
 */
export async function advanceExperiment(context: Context, open: Standing): Promise<boolean> {
  const { db, log } = context;
  const experiment = await context.plans.get(open.id);
  if (!experiment) return false;
  if (open.state === 'cancelling') {
    if (await settleCancelled(db, open.id)) log.info({ experiment: open.id }, 'experiment cancelled');
    return false;
  }
  if (open.state === 'queued' && !(await prepare(context, experiment))) return false;
  if (open.hasCompleteWave) await advanceKernels(db, open.id, waveSizes(experiment.plan));
  if (open.waiting === 0 && open.active === 0) {
    const kernels = await countKernels(db, open.id);
    if (kernels.waiting + kernels.active > 0) return false;
    const state = kernels.failed === 0 ? 'completed' : 'failed';
    if (state === 'completed') await context.hooks.complete(experiment);
    if (await settleFinished(db, open.id, state))
      log.info({ experiment: open.id, state }, 'experiment finished');
    return false;
  }
  if (open.waiting > 0 && !context.isPaused) await startMoreKernels(context, experiment, open.active);
  const { tilesPerKernel } = experiment.plan;
  return tilesPerKernel > rowsAtOnce && (await makeMoreTiles(db, open.id, tilesPerKernel)) > 0;
}

async function prepare({ db, log, hooks }: Context, experiment: OpenExperiment<Plan>): Promise<boolean> {
  try {
    await hooks.prepare(experiment);
  } catch (error) {
    if (!(error instanceof TesseraError) || !isForGood(error)) throw error;
    await refuseExperiment(db, experiment.id, `${error.code}: ${error.message}`);
    return false;
  }
  const started = await startExperiment(db, experiment.id);
  if (started) log.info({ experiment: experiment.id }, 'experiment started');
  return started;
}

/** What waiting does not mend: what the user sent, and a data set whose stored bytes are damaged. */
function isForGood(error: TesseraError): boolean {
  return error.status < 500 || error.code === 'corrupt-chunk';
}

/** Tiles that should be ready before no further kernel is started. */
const readyTilesAim = 24;

/**
 * Starts kernels while few tiles are ready and the temporary bytes of those in flight allow it. Running experiments
 * share these bytes alike; each may have one kernel in flight whatever it takes.
 */
async function startMoreKernels(
  { db, sharers }: Context,
  experiment: OpenExperiment<Plan>,
  active: number,
): Promise<void> {
  const { plan, id } = experiment;
  const ready = await countReady(db, id, queueWaves.tiles, readyTilesAim);
  const wanted = Math.ceil((readyTilesAim - ready) / plan.tilesPerKernel);
  const share = temporaryBytesAim / sharers;
  const affordable = Math.max(1, Math.floor(share / plan.bytes.temporaryPerKernel)) - active;
  const count = Math.min(wanted, affordable);
  if (count > 0) await startKernels(db, id, count, plan.tilesPerKernel);
}

/** How many tasks each wave of a kernel has under this plan. */
export function waveSizes(plan: Plan): WaveSizes {
  return {
    tasks: {
      train: plan.tilesPerKernel,
      analysis: plan.analysisTasksPerKernel,
      strip: plan.stripsPerKernel,
      training: plan.trainingsPerKernel ?? 0,
      finish: 1,
    },
    analysesPerKernel: plan.analysesPerKernel,
    analysisBatch: plan.analysisBatch,
  };
}
