/** The experiments of the reproduction: specs of examples/paper/, found where they have been computed, else run. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type FigureExperiment, figureExperiment } from '@tessera/figures';
import type { AnalysisRow, Experiment, ExperimentSpecInput } from '@tessera/spec';
import { ProgressLines } from '../progress-lines.js';
import type { Session } from '../session.js';

export type Scale = 'laptop' | 'paper';
export interface PaperRun {
  experiment: FigureExperiment;
  rows: AnalysisRow[];
  /** Seconds by the clock, from its first task to its end. */
  seconds: number;
  /** Test accuracy of a guess. */
  chance: number;
}

const folder = new URL('../../../../examples/paper/', import.meta.url);

/** What `--scale paper` changes of the specs, which are sized to two cores. */
const paperScale: Record<string, (spec: ExperimentSpecInput) => void> = {
  'spectrum-cnn-gap': deepSpectrum,
  'spectrum-cnn-flatten': deepSpectrum,
  'map-fcn': wholeMap,
  'map-cnn-flatten': wholeMap,
  'images-4096': wholeGrid,
  'same-images-fcn': sharedMap,
  'same-images-cnn-flatten': sharedMap,
  'same-images-cnn-gap': sharedMap,
};

function wholeGrid(spec: ExperimentSpecInput): void {
  spec.grid.weightVariance = { from: 0.5, to: 3, count: 6 };
  spec.grid.depth = [1, 5, 10, 20, 40];
}

function deepSpectrum(spec: ExperimentSpecInput): void {
  spec.dataset.train = 64;
  spec.dataset.test = 32;
  spec.grid.depth = { from: 0, to: 400, step: 5 };
}

/** CNN-P sets the size: days of a core, where the whole map would take it years (`tessera paper --plan`). */
function sharedMap(spec: ExperimentSpecInput): void {
  wholeMap(spec);
  spec.dataset.train = 128;
  spec.dataset.test = 128;
  spec.grid.weightVariance = { from: 0.5, to: 3, count: 20 };
}

function wholeMap(spec: ExperimentSpecInput): void {
  spec.dataset.train = 256;
  spec.dataset.test = 10_000;
  spec.precision = 'f64';
  spec.grid.weightVariance = { from: 0.5, to: 3, count: 40 };
  spec.grid.depth = [
    ...Array.from({ length: 10 }, (_, i) => i),
    ...Array.from({ length: 20 }, (_, i) => 10 + 5 * i),
  ];
}

/** The completed experiment of a spec file at a scale: one that is there, or a new one that is waited for. */
export async function runPaper(session: Session, name: string, scale: Scale): Promise<PaperRun> {
  const { client } = session;
  const spec = await paperSpec(name, scale);
  const plan = await client.planExperiment(spec);
  const made = (await knownRun(session, plan.spec)) ?? (await client.createExperiment(spec));
  const progress = new ProgressLines(session.streams.stderr);
  progress.note(`${name}: ${made.id}`);
  for await (const event of client.watch(made.id))
    if (event.event === 'progress') progress.update(event.data);
  progress.end();
  const ended = await client.getExperiment(made.id);
  if (ended.state !== 'completed') throw new Error(`${name} (${made.id}) is ${ended.state}.`);
  const rows: AnalysisRow[] = [];
  for await (const row of client.analyses(made.id)) rows.push(row);
  const dataset = await client.getDataset(spec.dataset.id);
  const seconds = (Date.parse(ended.finishedAt ?? '') - Date.parse(ended.startedAt ?? '')) / 1000;
  return { experiment: figureExperiment(ended, dataset, null), rows, seconds, chance: 1 / dataset.classes };
}

/** A spec of examples/paper/ at a scale. */
export async function paperSpec(name: string, scale: Scale): Promise<ExperimentSpecInput> {
  const spec = JSON.parse(await readFile(new URL(`${name}.json`, folder), 'utf8')) as ExperimentSpecInput;
  if (scale === 'paper') paperScale[name]?.(spec);
  return spec;
}

/** The newest experiment of a spec that is completed, or on its way there; null: none is. */
export async function knownRun(session: Session, spec: Experiment['spec']): Promise<Experiment | null> {
  const useful = ['queued', 'running', 'completed'];
  for await (const one of session.client.experiments())
    if (useful.includes(one.state) && isDeepStrictEqual(one.spec, spec)) return one;
  return null;
}
