import type { Experiment, ExperimentState } from '@tessera/spec';
import { experimentStates, progressOf, progressWaves } from '@tessera/spec';
import { Option } from 'commander';
import { UsageError } from '../error-report.js';
import { exitCodes } from '../exit-code.js';
import { durationText } from '../format.js';
import { readNumber } from '../read-input.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';
import { type Column, cut, tableText } from '../table.js';

/** `tessera list`: the experiments, newest first. */
export const addList: AddCommand = (program, action) =>
  program
    .command('list')
    .summary('list experiments')
    .description('List experiments, newest first.')
    .addOption(new Option('--state <state>', 'only those in a state').choices(experimentStates))
    .option('--limit <count>', 'at most so many', '20')
    .action(action(list));

async function list(
  session: Session,
  _arguments: string[],
  options: { state?: ExperimentState; limit: string },
) {
  const limit = readNumber(options.limit, '--limit');
  if (!Number.isInteger(limit) || limit < 1) {
    throw new UsageError(`--limit is "${options.limit}"; write a whole number >= 1.`);
  }
  const items: Experiment[] = [];
  for await (const experiment of session.client.experiments({ state: options.state })) {
    items.push(experiment);
    if (items.length >= limit) break;
  }
  session.show(items, () => (items.length === 0 ? noneText(options.state) : tableText(columns, items)));
  return exitCodes.fine;
}

const noneText = (state?: ExperimentState) =>
  state === undefined
    ? 'No experiments yet. Next: tessera run examples/heatmap-fcn.json'
    : `No experiment is ${state}.`;

const columns: Column<Experiment>[] = [
  { title: 'id', text: ({ id }) => id },
  { title: 'state', text: ({ state }) => state },
  { title: 'done', text: ({ progress }) => doneText(progress), align: 'right' },
  { title: 'left', text: ({ state, progress }) => leftText(state, progress.secondsLeft), align: 'right' },
  { title: 'created', text: ({ createdAt }) => createdAt.replace(/\.\d+Z$/, 'Z') },
  { title: 'name', text: ({ name }) => cut(name, 60) },
];

function doneText(progress: Experiment['progress']): string {
  const waves = progressWaves.map((wave) => progressOf(progress, wave));
  const total = waves.reduce((sum, wave) => sum + wave.total, 0);
  const done = waves.reduce((sum, wave) => sum + wave.done, 0);
  return total === 0 ? '-' : `${Math.floor((100 * done) / total)} %`;
}

function leftText(state: ExperimentState, secondsLeft: number | null): string {
  return state !== 'running' || secondsLeft === null ? '' : durationText(secondsLeft);
}
