/** A real experiment of six training and five test images, real database and store: tests compute its tasks by hand. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AnalysisRecord,
  acceptTask,
  advanceKernels,
  type ClaimedTask,
  claimTask,
  createExperiment,
  type Database,
  doneTasks,
  migrate,
  nameDataset,
  openDatabase,
  startExperiment,
  startKernels,
  type TaskResult,
  takeReady,
} from '@tessera/database';
import { importSynthetic } from '@tessera/dataset';
import { type KernelTile, oracleEngine } from '@tessera/engine';
import { type OpenedExperiment, OpenedExperiments } from '@tessera/experiment';
import { type Plan, planExperiment } from '@tessera/plan';
import { type ExperimentSpec, type KernelName, parseSpec, type Wave } from '@tessera/spec';
import { createExperimentGroup, openFolderStore, type TileStore } from '@tessera/store';
import { testPostgres } from './test-postgres.js';

export const tinySpec = {
  name: 'tiny',
  dataset: { id: 'synthetic', train: 6, test: 5 },
  architecture: { family: 'fcn', activation: { name: 'erf' } },
  grid: { weightVariance: [1.5], biasVariance: [0.1], depth: [3, 0, 2] },
  kernels: ['ntk', 'nngp'],
  tileSize: 4,
  analysis: { regression: { diagReg: [0.1, 0] }, dynamics: { times: [4, 1] } },
  keep: { kernels: 'all', predictions: true },
};

/** What an engine gives of one kind, (depths, rows, 6). */
export interface WholeKernel extends KernelTile {
  matrix: Float64Array;
  complement: Float64Array;
}

/** What an analysis of one depth is given. */
export function analysisInput(
  { matrix, complement, reference, rowDeviations }: WholeKernel,
  depthIndex: number,
) {
  const size = rowDeviations.length / reference.length;
  const cut = (values: Float64Array, length: number) =>
    values.slice(depthIndex * length, (depthIndex + 1) * length);
  return {
    complement: cut(complement, size * size),
    reference: reference[depthIndex] as number,
    deviations: cut(rowDeviations, size),
    async readMatrix(into: Float64Array) {
      into.set(cut(matrix, size * size));
    },
    precision: 'f64',
    size,
  } as const;
}

/** Smaller tasks than a planner would make of so little: three tiles, two analysis batches, two strips of two blocks. */
const finer = {
  analysisBatch: 4,
  analysisTasksPerKernel: 2,
  stripRows: 3,
  stripBlockRows: 2,
  stripsPerKernel: 2,
};

export class TinyExperiment {
  readonly db: Database;
  readonly store: TileStore;
  readonly folder: string;
  readonly experiment: OpenedExperiment;
  readonly #drop: () => Promise<void>;

  private constructor(
    db: Database,
    store: TileStore,
    folder: string,
    experiment: OpenedExperiment,
    drop: () => Promise<void>,
  ) {
    this.db = db;
    this.store = store;
    this.folder = folder;
    this.experiment = experiment;
    this.#drop = drop;
  }

  static async open(): Promise<TinyExperiment> {
    const postgres = await testPostgres({ name: 'migrated', prepare: migrate });
    const db = openDatabase(postgres.url);
    const folder = await mkdtemp(join(tmpdir(), 'tessera-tiny-'));
    const store = await openFolderStore(folder);
    const { sha256, shape, classes } = await importSynthetic(store);
    const spec: ExperimentSpec = parseSpec(tinySpec);
    const coarse = planExperiment(spec, { train: 6, test: 5, classes, shape });
    const plan: Plan = { ...coarse, ...finer, totals: { ...coarse.totals, strips: 2 } };
    await nameDataset(db, { name: 'synthetic', sha256, uploadSha256: null, manifest: {} });
    const id = randomUUID();
    const made = { id, spec, plan, provenance: {}, datasetSha256: sha256, idempotency: null };
    await createExperiment(db, made);
    const experiment = await new OpenedExperiments(db, store).get(id);
    await createExperimentGroup(store, experiment.layout);
    await startExperiment(db, id);
    await startKernels(db, id, 1, plan.tilesPerKernel);
    return new TinyExperiment(db, store, folder, experiment, postgres.drop);
  }

  get id(): string {
    return this.experiment.id;
  }

  /** Claims every ready task of a wave, in index order. */
  async claim(wave: Wave): Promise<ClaimedTask[]> {
    const claimed: ClaimedTask[] = [];
    for (const job of await takeReady(this.db, this.id, [wave], 100)) {
      const task = await claimTask(this.db, job, whoDoes(wave), 60_000);
      if (!task) throw new Error('not claimable');
      claimed.push(task);
    }
    return claimed;
  }

  /** Has a task accepted and moves the kernel on. */
  async accept(
    task: ClaimedTask,
    left: Pick<TaskResult, 'pieces' | 'result'>,
    analyses: readonly AnalysisRecord[] = [],
  ): Promise<void> {
    const result = { ...left, bytes: 1, milliseconds: 1, engine: 'oracle', device: 'cpu' };
    if (!(await acceptTask(this.db, task, whoDoes(task.wave), result, { analyses })))
      throw new Error('not accepted');
    await this.advance();
  }

  async advance(): Promise<void> {
    const { plan } = this.experiment;
    await advanceKernels(this.db, this.id, {
      tasks: {
        train: plan.tilesPerKernel,
        analysis: plan.analysisTasksPerKernel,
        strip: plan.stripsPerKernel,
        training: plan.trainingsPerKernel ?? 0,
        finish: 1,
      },
      analysesPerKernel: plan.analysesPerKernel,
      analysisBatch: plan.analysisBatch,
    });
  }

  /** The kernels of these rows and all training images, and their complements, computed in one go. */
  async directly(split: 'train' | 'test'): Promise<Record<KernelName, WholeKernel>> {
    const { spec, plan, subset } = this.experiment;
    const train = await subset.block('train', 0, plan.trainCount);
    const { ntk, nngp } = await oracleEngine().computeTile({
      architecture: spec.architecture,
      weightVariance: 1.5,
      biasVariance: 0.1,
      depths: plan.axes.depth,
      kernels: spec.kernels,
      arrays: ['matrix', 'complement'],
      precision: 'f64',
      referenceVariance: this.experiment.referenceVariance,
      rows: split === 'train' ? train : await subset.block('test', 0, plan.testCount),
      cols: split === 'train' ? null : train,
    });
    return { ntk: ntk as WholeKernel, nngp: nngp as WholeKernel };
  }

  /** Where a piece of a done task lies on the disk. */
  async pieceFile(wave: Wave, index: number, name: string): Promise<string> {
    const task = (await doneTasks(this.db, this.id, 0, wave)).find((done) => done.index === index);
    const key = task?.pieces[name]?.key;
    if (!key) throw new Error(`there is no piece ${name} of ${wave} ${index}`);
    return join(this.folder, key);
  }

  async taskRows(): Promise<Record<string, string>> {
    const { rows } = await this.db.pool.query<{ name: string; state: string }>(
      `SELECT wave || ' ' || index AS name, state || ' ' || generation AS state FROM tasks WHERE experiment_id = $1`,
      [this.id],
    );
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  }

  async wave(): Promise<string> {
    const { rows } = await this.db.pool.query('SELECT wave FROM kernels WHERE experiment_id = $1', [this.id]);
    return rows[0].wave;
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.#drop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const whoDoes = (wave: Wave) =>
  wave === 'train' || wave === 'strip'
    ? ({ id: 'w', role: 'worker', fingerprint: 'oracle' } as const)
    : ({ id: 'a', role: 'aggregator', fingerprint: 'lapack' } as const);

/** Changes one byte in the middle of a file, as a bad disk does. */
export async function spoil(file: string): Promise<void> {
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 3);
  bytes[middle] = (bytes[middle] as number) ^ 1;
  await writeFile(file, bytes);
}

/** sha256 of every file below a folder, by its path. */
export async function fingerprints(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(folder.length)] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return files;
}
