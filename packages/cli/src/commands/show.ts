import type { Experiment } from '@tessera/spec';
import { exitCodes } from '../exit-code.js';
import { showResult } from '../follow.js';
import { countText } from '../format.js';
import type { AddCommand } from '../run-cli.js';
import type { Session } from '../session.js';

/** `tessera show ID`: one experiment and what it has found so far. */
export const addShow: AddCommand = (program, action) =>
  program
    .command('show')
    .summary('show one experiment and its result')
    .description('Show one experiment and what it has found so far.')
    .argument('<id>', 'the experiment')
    .action(action(show));

async function show(session: Session, [id]: string[]) {
  const experiment = await session.client.getExperiment(id as string);
  if (!session.json) session.write(`${headText(experiment)}\n`);
  await showResult(session, experiment);
  return exitCodes.fine;
}

function headText({ name, state, paused, createdAt, spec, progress }: Experiment): string {
  const { dataset, architecture } = spec;
  const count = (selection: typeof dataset.train) =>
    countText(
      typeof selection === 'number'
        ? selection
        : 'count' in selection
          ? selection.count
          : selection.indices.length,
    );
  const wave = (title: string, { done, total }: Experiment['progress']['tiles']) =>
    `${title} ${countText(done)}/${countText(total)}`;
  return [
    name,
    `${state}, created ${createdAt}`,
    `${architecture.family}, ${architecture.activation.name}, ${spec.kernels.join(' and ')}, ${spec.precision}`,
    `${dataset.id}: ${count(dataset.train)} training and ${count(dataset.test)} test images, ${dataset.normalization}, labels ${dataset.labels}`,
    [
      wave('tiles', progress.tiles),
      wave('analyses', progress.analyses),
      wave('strips', progress.strips),
      ...(progress.trainings?.total ? [wave('networks', progress.trainings)] : []),
    ].join(', '),
    ...(paused === null ? [] : [`Paused: ${paused}`]),
  ].join('\n');
}
