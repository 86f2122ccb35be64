/** Follows an experiment to its end and says how it ended: what `run --wait` and `watch` share. */
import type { AnalysisRow, Experiment, ExperimentState, KernelName, TrainingRow } from '@tessera/spec';
import { type ExitCode, exitCodes } from './exit-code.js';
import { durationText } from './format.js';
import { renderHeatmap } from './heatmap.js';
import { renderNetworksTable } from './networks-table.js';
import { ProgressLines } from './progress-lines.js';
import { renderResultTable } from './result-table.js';
import type { Session } from './session.js';

/**
 * Shows the progress of an experiment until it ends, then its result.
 *
 * @returns 0 where it completed, 1 where it failed or was cancelled, 130 where the user stopped waiting
 */
export async function followExperiment(session: Session, id: string, eachEvent = false): Promise<ExitCode> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  const progress = new ProgressLines(session.streams.stderr);
  let state: ExperimentState | null = null;
  try {
    const onReconnect = (error: Error) => progress.note(`${error.message} Trying again.`);
    for await (const event of session.client.watch(id, { signal: abort.signal, onReconnect })) {
      if (session.json) {
        if (eachEvent) session.write(JSON.stringify(event));
      } else if (event.event === 'progress') progress.update(event.data);
      else if (event.data.state !== state) {
        state = event.data.state;
        progress.note(`${id} is ${state}`);
      }
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    progress.end();
    session.streams.stderr.write(`The experiment goes on: tessera watch ${id}, or tessera cancel ${id}.\n`);
    return exitCodes.interrupted;
  } finally {
    process.removeListener('SIGINT', stop);
  }
  const experiment = await session.client.getExperiment(id);
  if (!session.json) {
    progress.update(experiment.progress);
    progress.end();
  }
  if (!eachEvent || !session.json) await showResult(session, experiment);
  return experiment.state === 'completed' ? exitCodes.fine : exitCodes.failed;
}

/** An experiment's end: the maps and the table where there are rows, the cause where it failed. */
export async function showResult(session: Session, experiment: Experiment): Promise<void> {
  if (session.json) {
    session.write(JSON.stringify(experiment, null, 2));
    return;
  }
  const rows: AnalysisRow[] = [];
  for await (const row of session.client.analyses(experiment.id)) rows.push(row);
  if (rows.length > 0) session.write(resultText(session, rows));
  if (experiment.progress.trainings?.done) {
    const trainings: TrainingRow[] = [];
    for await (const row of session.client.trainings(experiment.id)) trainings.push(row);
    session.write(renderNetworksTable(trainings, rows));
  }
  session.write(endingText(experiment));
}

function resultText(session: Session, rows: readonly AnalysisRow[]): string {
  const kernels = [...new Set(rows.map((row) => row.kernel))];
  const maps = kernels.map((kernel: KernelName) =>
    renderHeatmap(rows, { columns: session.columns, colorDepth: session.colorDepth, kernel }),
  );
  return [...maps, renderResultTable(rows)].filter((text) => text !== '').join('\n\n');
}

function endingText({ id, state, startedAt, finishedAt, error, spec }: Experiment): string {
  const seconds =
    startedAt !== null && finishedAt !== null
      ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000
      : null;
  const time = seconds === null ? '' : ` after ${durationText(seconds)}`;
  const made = spec.dataset.id === 'synthetic' ? ' Its images are synthetic, not CIFAR-10.' : '';
  const ended =
    error === null ? `${id} ${state}${time}.${made}` : `${id} ${state}${time}: ${error.message}${made}`;
  const next: Partial<Record<ExperimentState, string>> = {
    completed: `Next: tessera export ${id} kappa --out kappa.npy`,
    failed: `Next: tessera retry ${id}`,
    cancelled: `Next: tessera retry ${id}`,
  };
  return [ended, next[state] ?? `Next: tessera watch ${id}`].join('\n');
}
