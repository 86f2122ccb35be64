/** The main job of `npm start`: the trainability and generalization map of examples/heatmap-fcn.json. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Experiment, ExperimentSpecInput } from '@tessera/spec';
import { showResult } from './follow.js';
import { countText } from './format.js';
import { ProgressLines } from './progress-lines.js';
import type { Session } from './session.js';

const specFile = new URL('../../../examples/heatmap-fcn.json', import.meta.url);

export interface MainJobOptions {
  /** There is no CIFAR-10: the same job on the built-in synthetic images. */
  synthetic: boolean;
  signal: AbortSignal;
}

/**
 * Runs the main job, or goes on with one that an earlier start left unfinished; shows its progress and its result.
 *
 * @returns whether the experiment completed; false too where `signal` ended the waiting
 */
export async function runMainJob(session: Session, options: MainJobOptions): Promise<boolean> {
  const { client } = session;
  const { signal } = options;
  const spec = await mainJobSpec(options.synthetic);
  const plan = await client.planExperiment(spec);
  const left = await unfinished(session, plan.spec);
  const { id } = left ?? (await client.createExperiment(spec));
  session.write(
    `${left ? 'Going on with' : 'Experiment'} ${id}: ${plan.spec.name}\n` +
      `  ${countText(plan.kernels)} kernels, ${countText(plan.tiles)} tiles, ${countText(plan.analyses)} analyses, ${countText(plan.strips)} strips`,
  );
  const progress = new ProgressLines(session.streams.stderr);
  try {
    const onReconnect = (error: Error) => progress.note(error.message);
    for await (const event of client.watch(id, { signal, onReconnect })) {
      if (event.event === 'progress') progress.update(event.data);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (signal.aborted) {
    progress.end();
    session.write('Interrupted; the next start goes on with it.');
    return false;
  }
  const experiment = await client.getExperiment(id);
  progress.update(experiment.progress);
  progress.end();
  await showResult(session, experiment);
  return experiment.state === 'completed';
}

async function mainJobSpec(synthetic: boolean): Promise<ExperimentSpecInput> {
  const spec = JSON.parse(await readFile(specFile, 'utf8')) as ExperimentSpecInput;
  if (!synthetic) return spec;
  const name = spec.name.replace('CIFAR-10', 'synthetic images');
  return { ...spec, name, dataset: { ...spec.dataset, id: 'synthetic' } };
}

/** The newest experiment of exactly this spec that still runs. */
async function unfinished(session: Session, spec: Experiment['spec']): Promise<Experiment | null> {
  for (const state of ['running', 'queued'] as const) {
    for await (const experiment of session.client.experiments({ state })) {
      if (isDeepStrictEqual(experiment.spec, spec)) return experiment;
    }
  }
  return null;
}
